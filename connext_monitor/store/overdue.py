"""The legs whose overdue alert is open, counted."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.store.connection import Connection
from connext_monitor.store.legs import PATHWAY
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import alerts, transfers

_LEGS = {kind.name: leg for leg, kind in OVERDUE.items()}


def count_overdue(
    connection: Connection, *conditions: ColumnElement[bool], split_by: ColumnElement[bool] | None = None
) -> Counter[tuple[Pathway, Leg, bool]]:
    """By pathway, by leg, and by what their transfers answer to ``split_by`` (all True without it)."""
    every = not conditions and split_by is None
    rows = (_COUNT_EVERY if every else Prepared(lambda: _count(*conditions, split_by=split_by))).rows(connection)
    counts: Counter[tuple[Pathway, Leg, bool]] = Counter()
    for origin, destination, kind, side, count in rows:
        counts[(DomainId(origin), DomainId(destination)), _LEGS[kind], bool(side)] = count
    return counts


def _count(*conditions: ColumnElement[bool], split_by: ColumnElement[bool] | None = None) -> Select[*tuple[Any, ...]]:
    columns = (*PATHWAY, alerts.c.kind)
    side = (literal(value=True) if split_by is None else split_by).label("side")
    return (
        select(*columns, side, func.count())
        .join(transfers, transfers.c.transfer_id == alerts.c.transfer_id)
        .where(alerts.c.state == AlertState.OPEN.value, alerts.c.kind.in_(_LEGS), *conditions)
        .group_by(*columns, "side")
    )


_COUNT_EVERY = Prepared(_count)
