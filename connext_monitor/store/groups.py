"""Groups of alerts that one provider is told in one message: their members, and what was told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest import LARGEST, Digest, NamedMember
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import EventKind, TransferId, XCalled
from connext_monitor.core.queue import BATCH, Topic
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import XCALLED
from connext_monitor.store.glance import read_alert
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.payload import unpack
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.queues import ends_of, ready
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, events, group_members, transfers

_MEMBER_COLUMNS = ("group_id", "alert_id", "open", "since_at", "amount")
_MESSAGE_COLUMNS = ("reference", "told_members", "told_open", "told_ms", "ended")
_THIS = delivery_groups.c.id == parameter("of_group")


def _members(*columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 - whatever can be selected
    """What is asked of the members of ``of_group``."""
    return (
        select(*columns)
        .join(group_members, group_members.c.alert_id == alerts.c.id)
        .where(group_members.c.group_id == parameter("of_group"))
    )


def _members_by_state(*columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 - whatever can be selected
    """The same of those that are ``open`` or not."""
    return _members(*columns).where(group_members.c.open == parameter("open"))


def _select_openings() -> Select[*tuple[Any, ...]]:
    of_topic = ready(Change.OPENED).where(deliveries.c.topic == parameter("topic"))
    return of_topic.order_by(deliveries.c.id).limit(parameter("most"))


def _save_member() -> Insert:
    member = insert(group_members).values(parameters(*_MEMBER_COLUMNS))
    changed = {name: member.excluded[name] for name in ("open", "since_at", "amount")}
    return member.on_conflict_do_update(index_elements=["group_id", "alert_id"], set_=changed)


_FORM = Prepared(
    lambda: (
        insert(delivery_groups)
        .values(parameters("provider", "topic", "before", "oldest_ms", "formed_ms"))
        .values(newest_ms=0, ended=False, attempts=0, next_attempt_ms=0)
        .returning(delivery_groups.c.id)
    )
)
_SELECT = Prepared(lambda: select(delivery_groups).where(_THIS))
_SELECT_OPENINGS = Prepared(_select_openings)
_SAVE_MEMBER = Prepared(_save_member)
_SAVE_SPAN = Prepared(lambda: update(delivery_groups).where(_THIS).values(parameters("oldest_ms", "newest_ms")))
_NOTE_END = Prepared(
    lambda: (
        update(group_members)
        .where(group_members.c.group_id == parameter("of_group"), group_members.c.alert_id == parameter("of_alert"))
        .values(open=False)
    )
)
_COUNT = Prepared(
    lambda: (
        select(group_members.c.open, func.count())
        .where(group_members.c.group_id == parameter("of_group"))
        .group_by(group_members.c.open)
    )
)
_COUNT_ENDINGS = Prepared(
    lambda: _members(alerts.c.resolution, func.count()).where(~group_members.c.open).group_by(alerts.c.resolution)
)
_SELECT_SEVERITIES = Prepared(lambda: _members_by_state(alerts.c.severity).distinct())
_SELECT_OLDEST = Prepared(lambda: _members_by_state(alerts).order_by(group_members.c.since_at).limit(1))
_SELECT_LARGEST = Prepared(
    lambda: _members_by_state(alerts).order_by(group_members.c.amount.desc().nulls_last()).limit(LARGEST + 1)
)
_SELECT_XCALLED = Prepared(
    lambda: (
        select(transfers.c.transfer_id, events.c.payload)
        .join(events, events.c.transfer == transfers.c.id)
        .where(transfers.c.transfer_id.in_(list_parameter("ids")), events.c.kind == XCALLED)
    )
)
_SENT = Prepared(
    lambda: (
        update(delivery_groups)
        .where(_THIS)
        .values(parameters(*_MESSAGE_COLUMNS))
        .values(opened_with=func.coalesce(delivery_groups.c.opened_with, parameter("told_members")))
        .values(attempts=0, next_attempt_ms=0, reason=None)
    )
)
_POSTPONED = Prepared(
    lambda: update(delivery_groups).where(_THIS).values(parameters("attempts", "next_attempt_ms", "reason"))
)
_HAND_OVER = Prepared(
    lambda: (
        update(deliveries)
        .where(deliveries.c.id == parameter("of_delivery"))
        .values(parameters("group_id", "done_ms") | {"pending": False})
    )
)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is read of a group for its message; of the alerts that it names, the longest standing comes first.

    ``severity`` is the worst of the open ones, and once all have ended, of all.
    """

    row: StoredRow
    severity: Severity
    members: int
    open: int
    named: Sequence[Alert]
    endings: Mapping[Resolution | None, int]

    def digest(self, named: Sequence[NamedMember]) -> Digest:
        """The group, its ``named`` alerts with their transfers."""
        return Digest(
            group_id=self.row.id,
            topic=Topic.parse(self.row.topic),
            severity=self.severity,
            members=self.members,
            open=self.open,
            opened_at=from_ms(self.row.oldest_ms),
            oldest=named[0],
            largest=tuple(named[1:]),
            endings=self.endings,
            before=self.row.before,
            reference=self.row.reference,
            attempts=self.row.attempts,
        )


def form(connection: Connection, provider: str, topic: Topic, before: int, at: datetime) -> None:
    """Make a group of the topic's first openings that wait; ``before`` others are known to the provider."""
    now = to_ms(at)
    group_id = _FORM.value(connection, provider=provider, topic=str(topic), before=before, oldest_ms=now, formed_ms=now)
    join(connection, group_id, topic, BATCH, at)


def join(connection: Connection, group_id: int, topic: Topic, most: int, at: datetime) -> None:
    """Put the topic's first ``most`` openings that wait into the group; ended members that opened again are open."""
    (group,) = _SELECT.rows(connection, of_group=group_id)
    rows = _SELECT_OPENINGS.rows(connection, provider=group.provider, topic=str(topic), most=most)
    if not rows:
        return
    taken = [read_alert(row) for row in rows]
    amounts = _amounts(connection, [alert.transfer_id for alert in taken if alert.transfer_id is not None])
    _SAVE_MEMBER.execute_many(connection, [_member(group_id, alert, amounts) for alert in taken])
    created = [row.created_ms for row in rows]
    oldest, newest = min(group.oldest_ms, *created), max(group.newest_ms, *created)
    _SAVE_SPAN.execute(connection, of_group=group_id, oldest_ms=oldest, newest_ms=newest)
    _hand_over(connection, [(row.delivery_id, group_id) for row in rows], at)


def note_ends(connection: Connection, provider: str, at: datetime) -> None:
    """Note which members of the provider's groups have ended, at most `BATCH` of them."""
    ended = [row for row in ends_of(connection, provider) if row.group_id is not None]
    if not ended:
        return
    _NOTE_END.execute_many(connection, [{"of_group": row.group_id, "of_alert": row.alert_id} for row in ended])
    _hand_over(connection, [(row.id, row.group_id) for row in ended], at)


def by_id(connection: Connection, group_id: int) -> GroupRow:
    """A group as it is now."""
    (row,) = _SELECT.rows(connection, of_group=group_id)
    by_state = {bool(is_open): count for is_open, count in _COUNT.rows(connection, of_group=group_id)}
    endings = _COUNT_ENDINGS.rows(connection, of_group=group_id)
    is_open = by_state.get(True, 0) > 0
    severities = _SELECT_SEVERITIES.column(connection, of_group=group_id, open=is_open)
    named = _named(connection, group_id, is_open=is_open)
    return GroupRow(
        row=row,
        severity=max(map(Severity, severities), key=lambda severity: severity.rank),
        members=sum(by_state.values()),
        open=by_state.get(True, 0),
        named=named,
        endings={Resolution(how) if how else None: count for how, count in endings},
    )


def sent(connection: Connection, digest: Digest, change: Change, reference: str | None, at: datetime) -> None:
    """The channel took the group's message."""
    _SENT.execute(
        connection,
        of_group=digest.group_id,
        reference=reference,
        told_members=digest.members,
        told_open=digest.open,
        told_ms=to_ms(at),
        ended=change is Change.RESOLVED,
    )


def postponed(connection: Connection, group_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
    """Its message is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
    again = round(next_attempt_at * 1000)
    _POSTPONED.execute(connection, of_group=group_id, attempts=attempts, next_attempt_ms=again, reason=reason)


def _amounts(connection: Connection, ids: Sequence[TransferId]) -> dict[TransferId, bytes]:
    """What these transfers move, in 18 decimals, as 32 big-endian bytes, which sort as the numbers do."""
    rows = _SELECT_XCALLED.rows(connection, ids=ids)
    called = {
        TransferId(row.transfer_id): cast("XCalled", unpack(EventKind.XCALLED, row.transfer_id, row.payload))
        for row in rows
    }
    return {transfer_id: event.params.normalized_in.to_bytes(32, "big") for transfer_id, event in called.items()}


def _member(group_id: int, alert: Alert, amounts: Mapping[TransferId, bytes]) -> dict[str, object]:
    due_at = alert.details.due_at
    return {
        "group_id": group_id,
        "alert_id": alert.id,
        "open": True,
        "since_at": int(alert.opened_at.timestamp() if due_at is None else due_at),
        "amount": amounts.get(alert.transfer_id) if alert.transfer_id is not None else None,
    }


def _hand_over(connection: Connection, taken: Sequence[tuple[int, int]], at: datetime) -> None:
    """From now on these deliveries are told by their groups' messages."""
    now = to_ms(at)
    _HAND_OVER.execute_many(
        connection,
        [{"of_delivery": delivery_id, "group_id": group_id, "done_ms": now} for delivery_id, group_id in taken],
    )


def _named(connection: Connection, group_id: int, *, is_open: bool) -> list[Alert]:
    """The one that stands longest, then the largest."""
    (oldest,) = _SELECT_OLDEST.rows(connection, of_group=group_id, open=is_open)
    largest = _SELECT_LARGEST.rows(connection, of_group=group_id, open=is_open)
    others = [row for row in largest if row.id != oldest.id]
    return [read_alert(row) for row in (oldest, *others[:LARGEST])]
