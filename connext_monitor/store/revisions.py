"""The order in which alerts change: each change of any of them takes the next number."""

from sqlalchemy import func, select

from connext_monitor.store.schema import alerts

NEXT_REVISION = select(func.coalesce(func.max(alerts.c.revision), 0) + 1).scalar_subquery()
