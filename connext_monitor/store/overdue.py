"""The legs whose overdue alert is open, counted."""

from collections import Counter

from sqlalchemy import ColumnElement, Connection, func, literal, select

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.store.legs import PATHWAY
from connext_monitor.store.schema import alerts, transfers

_LEGS = {kind.name: leg for leg, kind in OVERDUE.items()}


def count_overdue(
    connection: Connection, *conditions: ColumnElement[bool], split_by: ColumnElement[bool] | None = None
) -> Counter[tuple[Pathway, Leg, bool]]:
    """By pathway, by leg, and by what their transfers answer to ``split_by`` (all True without it)."""
    columns = (*PATHWAY, alerts.c.kind, (literal(value=True) if split_by is None else split_by).label("side"))
    rows = connection.execute(
        select(*columns, func.count())
        .join(transfers, transfers.c.transfer_id == alerts.c.transfer_id)
        .where(alerts.c.state == AlertState.OPEN.value, alerts.c.kind.in_(_LEGS), *conditions)
        .group_by(*columns)
    )
    counts: Counter[tuple[Pathway, Leg, bool]] = Counter()
    for origin, destination, kind, side, count in rows:
        counts[(DomainId(origin), DomainId(destination)), _LEGS[kind], bool(side)] = count
    return counts
