"""The legs that are called late: an alert about each stands open."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.deadline import Leg, OverdueLeg
from connext_monitor.core.events import DomainId
from connext_monitor.store.connection import Connection
from connext_monitor.store.legs import ARRIVED
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import alerts, transfers

_LEGS = {OVERDUE[leg].name: leg for leg in Leg}


def late_and_awaited(connection: Connection, destination: DomainId) -> list[OverdueLeg]:
    """Those of one destination that have not arrived."""
    rows = _SELECT.rows(connection, destination=destination)
    return [OverdueLeg(row.transfer_id, _LEGS[row.kind], row.started_at) for row in rows]


def _select() -> Select[*tuple[Any, ...]]:
    transfer_id = transfers.c.transfer_id
    return (
        select(transfer_id, alerts.c.kind, transfers.c.started_at)
        .join_from(alerts, transfers, alerts.c.transfer_id == transfer_id)
        .where(
            alerts.c.state == AlertState.OPEN.value,
            transfers.c.destination == parameter("destination"),
            or_(*(_awaited(leg) for leg in Leg)),
        )
    )


def _awaited(leg: Leg) -> ColumnElement[bool]:
    return and_(alerts.c.kind == OVERDUE[leg].name, ARRIVED[leg].is_(None))


_SELECT = Prepared(_select)
