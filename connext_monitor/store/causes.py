"""What is known of why legs are late: kept with their alerts, and what routers have done lately on a pathway."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, or_, select, update

from connext_monitor.core.alerts.cause import Cause, RouterBids
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.events import Pathway
from connext_monitor.core.transfer import Status
from connext_monitor.store.cause_text import read_causes, written
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.revisions import upcoming_revision
from connext_monitor.store.schema import alerts, transfers

_THIS = alerts.c.id == parameter("alert_id")
_SELECT = Prepared(lambda: select(alerts.c.causes).where(_THIS))
_CHANGE = Prepared(lambda: update(alerts).where(_THIS).values(parameters("causes") | {"revision": upcoming_revision()}))


def change(connection: Connection, alert_id: str, decide: Callable[[tuple[Cause, ...]], tuple[Cause, ...]]) -> bool:
    """Keep what ``decide`` makes of an alert's causes; tells nobody. False where that is nothing new."""
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
    return RouterBids(lately, without or 0, by_routers or 0)


def _count_bids() -> Select[*tuple[Any, ...]]:
    accused = exists().where(alerts.c.transfer_id == transfers.c.transfer_id, alerts.c.kind == EXECUTE_OVERDUE.name)
    slow = transfers.c.status == Status.COMPLETED_SLOW.value
    without = or_(slow, and_(transfers.c.executed_at.is_(None), accused))
    by_routers = and_(transfers.c.executed_at.is_not(None), transfers.c.status != Status.COMPLETED_SLOW.value)
    return select(func.sum(case((without, 1), else_=0)), func.sum(case((by_routers, 1), else_=0))).where(
        transfers.c.started_at >= parameter("since"),
        transfers.c.origin == parameter("origin"),
        transfers.c.destination == parameter("destination"),
    )


_COUNT_BIDS = Prepared(_count_bids)
