"""Where a transfer's row says of each leg when it is due and when it arrived, and on which pathway it is owed."""

from typing import Any

from sqlalchemy import Column

from connext_monitor.core.deadline import Leg
from connext_monitor.store.schema import transfers

PATHWAY = (transfers.c.origin, transfers.c.destination)
ARRIVED: dict[Leg, Column[Any]] = {Leg.EXECUTE: transfers.c.executed_at, Leg.RECONCILE: transfers.c.reconciled_at}
DUE: dict[Leg, Column[Any]] = {Leg.EXECUTE: transfers.c.execute_due_at, Leg.RECONCILE: transfers.c.reconcile_due_at}
