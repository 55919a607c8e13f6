"""What is counted for the metrics: one consistent look, through indexes over what is in flight, never over history."""

from functools import cache

from sqlalchemy import func, select

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.stored_numbers import AwaitedLegs, PathwayLeg, StoredNumbers
from connext_monitor.store import glance
from connext_monitor.store.connection import Connection
from connext_monitor.store.legs import ARRIVED, DUE, PATHWAY
from connext_monitor.store.overdue import count_overdue
from connext_monitor.store.prepared import Prepared, parameter


def look(connection: Connection, now: float) -> StoredNumbers:
    """All of it as of one moment; ``now`` (Unix seconds) decides what is past due."""
    return StoredNumbers(
        nonces=glance.every_nonces(connection),
        awaited={key: legs for leg in Leg for key, legs in _awaited(connection, leg, now).items()},
        overdue={(*pathway, leg): count for (pathway, leg, _), count in count_overdue(connection).items()},
        open_alerts=glance.count_open(connection),
        backlogs=glance.backlogs(connection),
    )


@cache
def _select_awaited(leg: Leg) -> Prepared:
    return Prepared(
        lambda: (
            select(*PATHWAY, func.count(), func.count().filter(DUE[leg] < parameter("now")))
            # As a range, and not as IS NOT NULL: then SQLite searches the partial index of what is awaited.
            .where(ARRIVED[leg].is_(None), DUE[leg] >= 0)
            .group_by(*PATHWAY)
        )
    )


def _awaited(connection: Connection, leg: Leg, now: float) -> dict[PathwayLeg, AwaitedLegs]:
    rows = _select_awaited(leg).rows(connection, now=now)
    return {(DomainId(row[0]), DomainId(row[1]), leg): AwaitedLegs(row[2], row[3]) for row in rows}
