"""The deadlines as the scheduler needs them, many at a time; each method is one transaction, or one consistent read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import BlockNumber, DomainId, TransferId
from connext_monitor.core.recording import PathwayDurations
from connext_monitor.core.selection import TransferWithDeadlines
from connext_monitor.store import alerts, chains, transfers
from connext_monitor.store.database import Database

Decide = Callable[[TransferWithDeadlines | None], Alert | None]
"""The alert that a transfer as it stands calls for."""


class Deadlines:
    """The legs that have not arrived, and the alerts about those that are late."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recompute(self, durations: PathwayDurations, begins: Mapping[DomainId, BlockNumber]) -> None:
        """Give every leg that has not arrived the deadline of the present config.

        Not those of transfers whose XCalled stands below the first block watched, which a backfill found; ``begins``
        are the first blocks of chains that nothing has been covered of yet.
        """

        def work(connection: Connection) -> None:
            watched = {**begins, **chains.starts(connection)}
            for pathway in transfers.awaited_pathways(connection):
                transfers.recompute_deadlines(connection, pathway, durations(*pathway), watched.get(pathway[0]))

        await self._database.write(work)

    async def awaited(self, leg: Leg, *, due_until: int, after: Awaited | None, limit: int) -> list[Awaited]:
        """The legs of this kind that have not arrived and are due until then, the earliest first, behind ``after``."""
        return await self._database.read(
            lambda connection: transfers.awaited(connection, leg, due_until=due_until, after=after, limit=limit)
        )

    async def watched(self, ids: Collection[TransferId]) -> dict[TransferId, TransferWithDeadlines]:
        """Those of these transfers that are known, with their deadlines."""
        return await self._database.read(lambda connection: _watched(connection, ids))

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        return await self._database.read(lambda connection: alerts.open_of_kind(connection, kind))

    async def resolved_since(self, alert_ids: Collection[str], since: datetime) -> dict[str, datetime]:
        """Those of these alerts that are resolved and were so lately, with when that was."""
        return await self._database.read(lambda connection: alerts.resolved_since(connection, alert_ids, since))

    async def open_overdue(
        self, accused: Sequence[tuple[TransferId, Decide]], providers: Callable[[Alert], Collection[str]]
    ) -> list[Alert]:
        """Open what each decision makes of its transfer as that stands within this one transaction.

        Returns those that were opened: not what was decided against, nor what is open already.
        """

        def work(connection: Connection) -> list[Alert]:
            known = _watched(connection, {transfer_id for transfer_id, _ in accused})
            decided = [decide(known.get(transfer_id)) for transfer_id, decide in accused]
            made = [alert for alert in decided if alert is not None]
            return alerts.open_alerts(connection, [(alert, providers(alert)) for alert in made])

        return await self._database.write(work)


def _watched(connection: Connection, ids: Collection[TransferId]) -> dict[TransferId, TransferWithDeadlines]:
    return {found.transfer.transfer_id: found for found in transfers.by_ids(connection, ids)}
