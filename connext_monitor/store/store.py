"""The store as the rest of the program sees it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.batch import Batch
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.store import chains, recording
from connext_monitor.store.database import Database
from connext_monitor.store.engine import FindServer, server_of
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.nouns import (
    Alerts,
    Bridge,
    Causes,
    Chains,
    Deadlines,
    Instances,
    Outbox,
    Reports,
    RouterFills,
    Silences,
    Stalls,
    Statistics,
    Suspects,
    Tokens,
    Transfers,
    UnjudgedLegs,
)
from connext_monitor.store.retention import Retention

if TYPE_CHECKING:
    from connext_monitor.store.turn import WriteTurn


class Store:
    """Everything that is kept, by nouns. ``names`` are the configured chains' names, which chain alerts are about.

    Each method of a noun is one transaction, or one consistent read.
    """

    def __init__(self, database: Database, names: ChainNames) -> None:
        self.database = database
        self.transfers = Transfers(database, names)
        self.suspects = Suspects(database, names)
        self.deadlines = Deadlines(database, names)
        self.stalls = Stalls(database, names)
        self.unjudged = UnjudgedLegs(database, names)
        self.alerts = Alerts(database, names)
        self.causes = Causes(database, names)
        self.outbox = Outbox(database, names)
        self.chains = Chains(database, names)
        self.bridge = Bridge(database, names)
        self.instances = Instances(database, names)
        self.router_fills = RouterFills(database, names)
        self.tokens = Tokens(database, names)
        self.silences = Silences(database, names)
        self.reports = Reports(database, names)
        self.statistics = Statistics(database, names)
        self.retention = Retention(database, names)

    @classmethod
    async def open(
        cls,
        where: Path | DatabaseUrl,
        names: ChainNames,
        *,
        migrate: bool = True,
        executor: MakeExecutor = Threads,
        fast: bool = False,
        turn: "WriteTurn | None" = None,
        server: FindServer = server_of,
    ) -> Self:
        """Open the file, making it where there is none, or a PostgreSQL database by its URL. Raises DatabaseError.

        Not to ``migrate`` is for those who work beside a running monitor, whose schema is to be left as it is.
        ``fast`` leaves the last commits to a power cut; ``turn`` and ``server``: see `engine_of`.
        """
        database = await Database.open(where, migrate=migrate, executor=executor, fast=fast, turn=turn, server=server)
        return cls(database, names)

    @classmethod
    async def open_readonly(
        cls,
        where: Path | DatabaseUrl,
        names: ChainNames,
        *,
        executor: MakeExecutor = Threads,
        server: FindServer = server_of,
    ) -> Self:
        """Open an existing database file to read it; it is neither made nor migrated. Raises DatabaseError."""
        return cls(await Database.open_readonly(where, executor=executor, server=server), names)

    @property
    def trouble(self) -> str | None:
        """What keeps the database from being used, in words; None where nothing does."""
        trouble = self.database.condition.trouble
        return None if trouble is None else trouble.words

    async def close(self) -> None:
        """Finish the writes under way and let go of the file."""
        await self.database.close()

    async def record(
        self,
        batch: Batch,
        decide: Callable[[PriorState], Changes],
        route: Route,
        at: datetime,
    ) -> tuple[Changes, list[str]]:
        """Promise 1: all of a batch in one transaction; see `recording.record`."""
        return await self.database.write(lambda connection: recording.record(connection, batch, decide, route, at))

    async def prove_writable(self) -> None:
        """Return once something has been written. Raises DatabaseUnavailableError where that cannot be done."""
        await self.database.write(chains.write_again)
