"""What is known of why legs are late: kept with their alerts, and what routers and relayers have done lately."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, and_, exists, func, literal_column, or_, select, update

from connext_monitor.core.alerts.cause import Cause, RouterBids
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.events import Address, DomainId, Pathway
from connext_monitor.core.payload import unpack_caller
from connext_monitor.core.transfer import Status
from connext_monitor.store.cause_text import read_causes, written
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import EXECUTED
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.revisions import upcoming_revision
from connext_monitor.store.schema import alerts, events, transfers

_EVENTS_LOOKED_AT = 200
"""The newest of a chain, among which its relayers are looked for: whatever they are, no more are read."""
_CALLERS = 3

_THIS = alerts.c.id == parameter("alert_id")
_SELECT = Prepared(lambda: select(alerts.c.causes).where(_THIS))
_CHANGE = Prepared(lambda: update(alerts).where(_THIS).values(parameters("causes") | {"revision": upcoming_revision()}))


def change(connection: Connection, alert_id: str, decide: Callable[[tuple[Cause, ...]], tuple[Cause, ...]]) -> bool:
    """Keep what ``decide`` makes of an alert's causes; notifies nobody. False where that is nothing new."""
    stored = _SELECT.value(connection, alert_id=alert_id)
    if stored is None or (now := written(decide(read_causes(stored)))) == stored:
        return False
    _CHANGE.execute(connection, alert_id=alert_id, causes=now)
    return True


def bids(connection: Connection, pathway: Pathway, since: int, lately: int) -> RouterBids:
    """What routers made of the transfers that began on a pathway at ``since`` (Unix seconds) or later.

    Without a router are those that took the slow path, and those whose destination was asked and said that they are
    not executed. One whose path is not known may be a router's.
    """
    origin, destination = pathway
    ((without, by_routers),) = _COUNT_BIDS.rows(connection, since=since, origin=origin, destination=destination)
    return RouterBids(lately, without, by_routers)


def last_callers(connection: Connection, destination: DomainId) -> list[Address]:
    """Who executed transfers on a chain last: at most three accounts, the latest first."""
    payloads = _SELECT_EXECUTED.column(connection, destination=destination)
    return list(dict.fromkeys(map(unpack_caller, payloads)))[:_CALLERS]


def _select_executed() -> Select[*tuple[Any, ...]]:
    newest_first = (events.c.block_number.desc(), events.c.log_index.desc())
    latest = select(events.c.kind, events.c.payload, events.c.block_number, events.c.log_index)
    latest = latest.where(events.c.domain == parameter("destination")).order_by(*newest_first)
    looked_at = latest.limit(literal_column(str(_EVENTS_LOOKED_AT))).subquery()
    order = (looked_at.c.block_number.desc(), looked_at.c.log_index.desc())
    return select(looked_at.c.payload).where(looked_at.c.kind == EXECUTED).order_by(*order)


_SELECT_EXECUTED = Prepared(_select_executed)


def _count_bids() -> Select[*tuple[Any, ...]]:
    accused = exists().where(alerts.c.transfer_id == transfers.c.transfer_id, alerts.c.kind == EXECUTE_OVERDUE.name)
    slow = transfers.c.status == Status.COMPLETED_SLOW.value
    without = or_(slow, and_(transfers.c.executed_at.is_(None), accused))
    by_routers = and_(transfers.c.executed_at.is_not(None), transfers.c.status != Status.COMPLETED_SLOW.value)
    return select(func.count().filter(without), func.count().filter(by_routers)).where(
        transfers.c.started_at >= parameter("since"),
        transfers.c.origin == parameter("origin"),
        transfers.c.destination == parameter("destination"),
    )


_COUNT_BIDS = Prepared(_count_bids)
