"""Groups of alerts that one provider is told in one message: their members, and what was told of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Update, func, select, update
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest import Digest
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import EventKind, TransferId, XCalled
from connext_monitor.core.payload import unpack
from connext_monitor.core.queue import BATCH, Topic
from connext_monitor.store import carriers, inhibition, news
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import XCALLED
from connext_monitor.store.glance import read_alert
from connext_monitor.store.inhibition import STANDS, counted_with, is_overtaken
from connext_monitor.store.instants import to_ms
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.queues import ends_of, ready
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, events, group_members, transfers

_MEMBER_COLUMNS = ("group_id", "alert_id", "open", "since_at", "amount")
_MESSAGE_COLUMNS = ("reference", "told_members", "told_open", "told_ms")
_THIS = delivery_groups.c.id == parameter("of_group")
_KNOWS, _OVERTAKEN = counted_with(parameter("provider")), is_overtaken(parameter("provider"))


def _select_openings(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return ready(Change.OPENED).where(*conditions).order_by(deliveries.c.id).limit(parameter("most"))


def _select_of_topic(*, counts_with_cause: bool) -> Select[*tuple[Any, ...]]:
    of_topic = deliveries.c.topic == parameter("topic")
    return _select_openings(of_topic, *([_KNOWS.is_(None), ~_OVERTAKEN] if counts_with_cause else []))


def _select_of_cause() -> Select[*tuple[Any, ...]]:
    return _select_openings(alerts.c.inhibited_by == parameter("cause"), _KNOWS == STANDS)


def _save_member() -> Insert:
    member = insert(group_members).values(parameters(*_MEMBER_COLUMNS))
    changed = {name: member.excluded[name] for name in ("open", "since_at", "amount")}
    return member.on_conflict_do_update(index_elements=["group_id", "alert_id"], set_=changed)


_FORM = Prepared(
    lambda: (
        insert(delivery_groups)
        .values(parameters("provider", "topic", "cause_id", "before", "oldest_ms", "formed_ms"))
        .values(newest_ms=0, ended=False, attempts=0, next_attempt_ms=0)
        .returning(delivery_groups.c.id)
    )
)
_SELECT = Prepared(lambda: select(delivery_groups).where(_THIS))
_SELECT_OF_TOPIC = {counts: Prepared(partial(_select_of_topic, counts_with_cause=counts)) for counts in (False, True)}
_SELECT_OF_CAUSE = Prepared(_select_of_cause)
_SAVE_MEMBER = Prepared(_save_member)
_NO_COUNT = -1
_SAVE_SPAN = Prepared(
    # With a member that opened again it may count as many as its message says, but others.
    lambda: update(delivery_groups).where(_THIS).values(parameters("oldest_ms", "newest_ms") | {"told_open": _NO_COUNT})
)
_NOTE_END = Prepared(
    lambda: (
        update(group_members)
        .where(group_members.c.open, group_members.c.alert_id == parameter("of_alert"))
        .where(
            group_members.c.group_id.in_(
                select(delivery_groups.c.id).where(
                    delivery_groups.c.provider == parameter("provider"), ~delivery_groups.c.ended
                )
            )
        )
        .values(open=False)
    )
)
_SELECT_XCALLED = Prepared(
    lambda: (
        select(transfers.c.transfer_id, events.c.payload)
        .join(events, events.c.transfer == transfers.c.id)
        .where(transfers.c.transfer_id.in_(list_parameter("ids")), events.c.kind == XCALLED)
    )
)


def _sent(*columns: str) -> Update:
    first = func.coalesce(delivery_groups.c.opened_with, parameter("told_members"))
    taken = {"opened_with": first, "attempts": 0, "next_attempt_ms": 0, "reason": None}
    return update(delivery_groups).where(_THIS).values(parameters(*columns) | taken)


_SENT = Prepared(lambda: _sent(*_MESSAGE_COLUMNS, "ended"))
_COUNTED = Prepared(lambda: _sent(*_MESSAGE_COLUMNS))
_POSTPONED = Prepared(
    lambda: update(delivery_groups).where(_THIS).values(parameters("attempts", "next_attempt_ms", "reason"))
)
_DOUBT = Prepared(
    lambda: (
        update(delivery_groups)
        .where(~delivery_groups.c.ended, delivery_groups.c.told_ms.is_not(None))
        .values(told_open=_NO_COUNT)
    )
)


def form(
    connection: Connection,
    provider: str,
    topic: Topic,
    before: int,
    at: datetime,
    *,
    cause: str | None = None,
    counts_with_cause: bool = True,
) -> None:
    """Make a group of the first openings that wait of a topic, or because of a ``cause``.

    ``before`` others are known to the provider.
    """
    now = to_ms(at)
    about = {"provider": provider, "topic": str(topic), "cause_id": cause}
    group_id = _FORM.value(connection, before=before, oldest_ms=now, formed_ms=now, **about)
    join(connection, group_id, topic, BATCH, at, counts_with_cause=counts_with_cause)


def join(
    connection: Connection, group_id: int, topic: Topic, most: int, at: datetime, *, counts_with_cause: bool = True
) -> None:
    """Put the first ``most`` openings that wait, of its topic or because of its cause, into the group.

    Ended members that opened again are open.
    """
    (group,) = _SELECT.rows(connection, of_group=group_id)
    of_provider = {"provider": group.provider, "most": most}
    if group.cause_id is None:
        rows = _SELECT_OF_TOPIC[counts_with_cause].rows(connection, topic=str(topic), **of_provider)
    else:
        rows = _SELECT_OF_CAUSE.rows(connection, cause=group.cause_id, **of_provider)
    if not rows:
        return
    taken = [read_alert(row) for row in rows]
    amounts = _amounts(connection, [alert.transfer_id for alert in taken if alert.transfer_id is not None])
    _SAVE_MEMBER.execute_many(connection, [_member(group_id, alert, amounts) for alert in taken])
    created = [row.created_ms for row in rows]
    oldest, newest = min(group.oldest_ms, *created), max(group.newest_ms, *created)
    _SAVE_SPAN.execute(connection, of_group=group_id, oldest_ms=oldest, newest_ms=newest)
    news.hand_over(connection, [(row.delivery_id, group_id) for row in rows], at)


def note_ends(connection: Connection, provider: str, at: datetime, *, most: int = BATCH) -> None:
    """Note which members of the provider's groups have ended, at most as many of them.

    What opened and ended while its cause stood is told nobody any more.
    """
    inhibition.drop_overtaken(connection, provider)
    ended = [row for row in ends_of(connection, provider, most) if row.group_id is not None]
    if not ended:
        return
    # One that was told anew may be a member of more groups than one.
    _NOTE_END.execute_many(connection, [{"provider": provider, "of_alert": row.alert_id} for row in ended])
    news.hand_over(connection, [(row.id, row.group_id) for row in ended], at)


def sent(connection: Connection, digest: Digest, change: Change, reference: str | None, at: datetime) -> None:
    """The channel took the group's message."""
    said = {"told_members": digest.members, "told_open": digest.open, "told_ms": to_ms(at)}
    of_group = {"of_group": digest.group_id, "reference": reference}
    if digest.because is None or not digest.because.carried:
        _SENT.execute(connection, **of_group, **said, ended=change is Change.RESOLVED)
        return
    # Its cause, whose message it is, may have ended meanwhile, and the group with it.
    _COUNTED.execute(connection, **of_group, **said)
    (group,) = _SELECT.rows(connection, of_group=digest.group_id)
    carriers.moved(connection, group, digest.reference, reference)


def doubt_sent(connection: Connection) -> None:
    """Have every message of a group that stands and can change written again: what it says is not known for sure."""
    _DOUBT.execute(connection)


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
