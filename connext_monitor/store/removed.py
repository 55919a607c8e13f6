"""The open alerts whose end cannot be seen any more, because the config no longer has their chain."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from connext_monitor.core.alerts.removed import is_about_removed
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import DomainId
from connext_monitor.store import alerts
from connext_monitor.store.database import Database


class RemovedChains:
    """What hangs on chains that are none of the configured ones; ``names`` are theirs."""

    def __init__(self, database: Database, names: Mapping[DomainId, str]) -> None:
        self._database = database
        self._names = names

    async def resolve(self, at: datetime) -> list[str]:
        """Resolve those alerts as removed; their ids."""

        def work(connection: Connection) -> list[str]:
            standing = alerts.every_open(connection)
            removed = {alert.id: Resolution.REMOVED for alert in standing if is_about_removed(alert, self._names)}
            return alerts.resolve(connection, removed, at) if removed else []

        return await self._database.write(work)
