"""Groups of alerts that one provider is told in one message: their members, and what was told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest import LARGEST, Digest, NamedMember
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import EventKind, TransferId, XCalled
from connext_monitor.core.queue import BATCH, Topic
from connext_monitor.store.alert_rows import read_alert
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.payload import unpack
from connext_monitor.store.queues import ends_of, ready
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, events, group_members


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is read of a group for its message; of the alerts that it names, the longest standing comes first.

    ``severity`` is the worst of the open ones, and once all have ended, of all.
    """

    row: Row[*tuple[Any, ...]]
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
    row = {
        "provider": provider,
        "topic": str(topic),
        "before": before,
        "oldest_ms": to_ms(at),
        "newest_ms": 0,
        "formed_ms": to_ms(at),
        "ended": False,
        "attempts": 0,
        "next_attempt_ms": 0,
    }
    formed = connection.execute(insert(delivery_groups).values(row).returning(delivery_groups.c.id))
    join(connection, formed.scalar_one(), topic, BATCH, at)


def join(connection: Connection, group_id: int, topic: Topic, most: int, at: datetime) -> None:
    """Put the topic's first ``most`` openings that wait into the group; ended members that opened again are open."""
    group = connection.execute(select(delivery_groups).where(delivery_groups.c.id == group_id)).one()
    openings = ready(group.provider, Change.OPENED).where(deliveries.c.topic == str(topic)).order_by(deliveries.c.id)
    rows = connection.execute(openings.limit(most)).all()
    if not rows:
        return
    taken = [read_alert(row) for row in rows]
    amounts = _amounts(connection, [alert.transfer_id for alert in taken if alert.transfer_id is not None])
    member = insert(group_members)
    changed = {name: member.excluded[name] for name in ("open", "since_at", "amount")}
    connection.execute(
        member.on_conflict_do_update(index_elements=["group_id", "alert_id"], set_=changed),
        [_member(group_id, alert, amounts) for alert in taken],
    )
    created = [row.created_ms for row in rows]
    connection.execute(
        update(delivery_groups)
        .where(delivery_groups.c.id == group_id)
        .values(oldest_ms=min(group.oldest_ms, *created), newest_ms=max(group.newest_ms, *created))
    )
    _hand_over(connection, [(row.delivery_id, group_id) for row in rows], at)


def note_ends(connection: Connection, provider: str, at: datetime) -> None:
    """Note which members of the provider's groups have ended, at most `BATCH` of them."""
    ended = [row for row in ends_of(connection, provider) if row.group_id is not None]
    if not ended:
        return
    connection.execute(
        update(group_members)
        .where(group_members.c.group_id == bindparam("of_group"), group_members.c.alert_id == bindparam("of_alert"))
        .values(open=False),
        [{"of_group": row.group_id, "of_alert": row.alert_id} for row in ended],
    )
    _hand_over(connection, [(row.id, row.group_id) for row in ended], at)


def by_id(connection: Connection, group_id: int) -> GroupRow:
    """A group as it is now."""
    row = connection.execute(select(delivery_groups).where(delivery_groups.c.id == group_id)).one()
    counts = connection.execute(
        select(group_members.c.open, func.count()).where(group_members.c.group_id == group_id).group_by("open")
    )
    by_state = {bool(is_open): count for is_open, count in counts}
    endings = connection.execute(
        _members(group_id, alerts.c.resolution, func.count()).where(~group_members.c.open).group_by(alerts.c.resolution)
    )
    is_open = by_state.get(True, 0) > 0
    severities = connection.execute(
        _members(group_id, alerts.c.severity).where(group_members.c.open == is_open).distinct()
    )
    named = _named(connection, group_id, is_open=is_open)
    return GroupRow(
        row=row,
        severity=max(map(Severity, severities.scalars()), key=lambda severity: severity.rank),
        members=sum(by_state.values()),
        open=by_state.get(True, 0),
        named=named,
        endings={Resolution(how) if how else None: count for how, count in endings},
    )


def sent(connection: Connection, digest: Digest, change: Change, reference: str | None, at: datetime) -> None:
    """The channel took the group's message."""
    groups = delivery_groups.c
    connection.execute(
        update(delivery_groups)
        .where(groups.id == digest.group_id)
        .values(
            reference=reference,
            opened_with=func.coalesce(groups.opened_with, digest.members),
            told_members=digest.members,
            told_open=digest.open,
            told_ms=to_ms(at),
            ended=change is Change.RESOLVED,
            attempts=0,
            next_attempt_ms=0,
            reason=None,
        )
    )


def postponed(connection: Connection, group_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
    """Its message is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
    connection.execute(
        update(delivery_groups)
        .where(delivery_groups.c.id == group_id)
        .values(attempts=attempts, next_attempt_ms=round(next_attempt_at * 1000), reason=reason)
    )


def _amounts(connection: Connection, ids: Sequence[TransferId]) -> dict[TransferId, bytes]:
    """What these transfers move, in 18 decimals, as 32 big-endian bytes, which sort as the numbers do."""
    rows = connection.execute(
        select(events.c.transfer_id, events.c.payload).where(
            events.c.transfer_id.in_(ids), events.c.kind == EventKind.XCALLED.value
        )
    )
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
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == bindparam("of_delivery"))
        .values(pending=False, group_id=bindparam("to_group"), done_ms=to_ms(at)),
        [{"of_delivery": delivery_id, "to_group": group_id} for delivery_id, group_id in taken],
    )


def _members(group_id: int, *columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 - whatever can be selected
    return (
        select(*columns)
        .join(group_members, group_members.c.alert_id == alerts.c.id)
        .where(group_members.c.group_id == group_id)
    )


def _named(connection: Connection, group_id: int, *, is_open: bool) -> list[Alert]:
    """The one that stands longest, then the largest."""
    members = _members(group_id, alerts).where(group_members.c.open == is_open)
    oldest = connection.execute(members.order_by(group_members.c.since_at).limit(1)).one()
    largest = connection.execute(members.order_by(group_members.c.amount.desc()).limit(LARGEST + 1))
    others = [row for row in largest if row.id != oldest.id]
    return [read_alert(row) for row in (oldest, *others[:LARGEST])]
