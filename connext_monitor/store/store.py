"""The store as the rest of the program sees it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import ResolveOverdue
from connext_monitor.core.events import BlockNumber, DomainId, Hash32, TransferId
from connext_monitor.core.history import HistoryRead
from connext_monitor.core.recording import ChainProgress, Changes, Known, UnreadableLog
from connext_monitor.store import (
    alerts,
    anchors,
    backfills,
    chains,
    mismatches,
    nonces,
    retention,
    transfers,
)
from connext_monitor.store.database import Database
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.nouns import (
    Alerts,
    Causes,
    Chains,
    Deadlines,
    Outbox,
    Reports,
    Silences,
    Statistics,
    Suspects,
    Tokens,
    Transfers,
    UnjudgedLegs,
)
from connext_monitor.store.retention import Retention


class Store:
    """Everything that is kept, by nouns. ``names`` are the configured chains' names, which chain alerts are about.

    Each method of a noun is one transaction, or one consistent read.
    """

    def __init__(self, database: Database, names: Mapping[DomainId, str]) -> None:
        self.database = database
        self.transfers = Transfers(database, names)
        self.suspects = Suspects(database, names)
        self.deadlines = Deadlines(database, names)
        self.unjudged = UnjudgedLegs(database, names)
        self.alerts = Alerts(database, names)
        self.causes = Causes(database, names)
        self.outbox = Outbox(database, names)
        self.chains = Chains(database, names)
        self.tokens = Tokens(database, names)
        self.silences = Silences(database, names)
        self.reports = Reports(database, names)
        self.statistics = Statistics(database, names)
        self.retention = Retention(database, names)
        self._names = names

    @classmethod
    async def open(
        cls, path: Path, names: Mapping[DomainId, str], *, migrate: bool = True, executor: MakeExecutor = Threads
    ) -> Self:
        """Open the database file, making it where there is none. Raises DatabaseError.

        Not to ``migrate`` is for who works beside a running monitor, whose schema is to be left as it is.
        """
        return cls(await Database.open(path, migrate=migrate, executor=executor), names)

    @classmethod
    async def open_readonly(cls, path: Path, names: Mapping[DomainId, str]) -> Self:
        """Open an existing database file to read it; it is neither made nor migrated. Raises DatabaseError."""
        return cls(await Database.open_readonly(path), names)

    async def close(self) -> None:
        """Finish the writes under way and let go of the file."""
        await self.database.close()

    async def record(
        self,
        ids: Collection[TransferId],
        gone: Collection[tuple[DomainId, Hash32]],
        decide: Callable[[Known], Changes],
        *,
        progress: Sequence[ChainProgress],
        unreadable: Sequence[UnreadableLog],
        at: datetime,
        opened: Sequence[tuple[Alert, Collection[str]]] = (),
        backfilled: Sequence[HistoryRead] = (),
    ) -> tuple[Changes, list[str]]:
        """Promise 1: events, transfers, checkpoints, and the alerts that open or resolve, in one transaction.

        ``decide`` gets all that is known of the transfers ``ids`` and of those in the ``gone`` blocks. It runs within
        the transaction, on the writer's thread: it must be pure.
        Returns what it decided and the ids of the alerts that this resolved.
        """

        def work(connection: Connection) -> tuple[Changes, list[str]]:
            known = transfers.known(connection, ids, gone)
            changes = retention.without_pruned(connection, decide(known))
            transfers.save(connection, changes)
            nonces.forget(connection, changes.removed)
            ended = [effect for effect in changes.effects if isinstance(effect, ResolveOverdue)]
            resolved = alerts.resolve_overdue(connection, ended, at)
            resolved += mismatches.settle(connection, unreadable, gone, at)
            chains.keep_malformed(connection, unreadable, at)
            for chain in progress:
                _save_progress(connection, chain)
                if chain.whole:
                    resolved += self._covered_again(connection, chain.domain, at)
            for read in backfilled:
                backfills.add(connection, read.domain, read.blocks)
                resolved += self._caught_up(connection, read.domain, at)
            alerts.open_alerts(connection, opened)
            return changes, resolved

        return await self.database.write(work)

    def _covered_again(self, connection: Connection, domain: DomainId, at: datetime) -> list[str]:
        told = alerts.open_of_kind(connection, DEEP_REORG)
        ended = {alert.id: Resolution.COVERED_AGAIN for alert in told if alert.subject == self._names.get(domain)}
        return alerts.resolve(connection, ended, at) if ended else []

    def _caught_up(self, connection: Connection, domain: DomainId, at: datetime) -> list[str]:
        told = alerts.open_of_kind(connection, MONITOR_STARTED_BLIND)
        read = backfills.read(connection, domain) if told else []
        ended = {
            alert.id: Resolution.CAUGHT_UP
            for alert in told
            if alert.subject == self._names.get(domain)
            and any(
                one.first <= MONITOR_STARTED_BLIND.details_of(alert).first
                and MONITOR_STARTED_BLIND.details_of(alert).last <= one.last
                for one in read
            )
        }
        return alerts.resolve(connection, ended, at) if ended else []


def _save_progress(connection: Connection, chain: ChainProgress) -> None:
    chains.save_coverage(connection, chain.domain, chain.coverage)
    if chain.first_nonce is not None:
        nonces.save_first(connection, chain.domain, chain.first_nonce)
    if chain.replaced is not None:
        anchors.forget_above(connection, chain.domain, chain.coverage.checkpoint)
    if chain.unread is not None:
        # The checkpoint never goes back to before the first block watched.
        anchors.forget_above(connection, chain.domain, BlockNumber(-1))
    if chain.anchor is not None:
        anchors.keep(connection, chain.domain, chain.anchor)
    if chain.next_nonce is not None:
        nonces.save_next(connection, chain.domain, chain.next_nonce)
