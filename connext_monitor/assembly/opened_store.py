"""Opens the store for a monitor; where that fails, the channels hear it, once an hour however often it is started."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import structlog

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.database_watch import PATIENCE
from connext_monitor.alerting.outage_announcer import announce_failed_start
from connext_monitor.alerting.providers.configured import ConfiguredProvider, subscriptions
from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import Clock
from connext_monitor.config import Config
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.core.deadline import PathwayDurations
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.labels import ChainLabels, ChainNames
from connext_monitor.store.errors import TermOverError
from connext_monitor.store.monitor_lock import lock_of
from connext_monitor.store.store import Store
from connext_monitor.store.turn import WriteTurn

_PASSING = {TroubleKind.LOCKED, TroubleKind.SERVER, TroubleKind.SERVER_LOCKED}
_ASKED_EVERY = 0.5

log = structlog.get_logger()


class StoreOpening:
    """What a monitor's store is opened with; a lock or a server is waited for ``patience`` seconds."""

    def __init__(
        self,
        config: Config,
        names: ChainNames,
        providers: Sequence[ConfiguredProvider],
        labels: ChainLabels,
        clock: Clock,
        outside: Outside,
        turn: WriteTurn | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._outside = outside
        self._patience = patience
        self._turn = turn
        self._config = config
        self._names = names
        self._providers = providers
        self._labels = labels
        self._clock = clock
        self.lock = lock_of(config.monitor.database)

    async def open(
        self, stack: AsyncExitStack, durations: PathwayDurations, first_blocks: Mapping[DomainId, BlockNumber]
    ) -> Store:
        """Lock and open it, and have it agree with the config; the stack lets go of it. Raises DatabaseError."""
        try:
            stack.enter_context(self.lock)
            store = await self._opened()
            stack.push_async_callback(store.close)
            await store.deadlines.recompute(durations, first_blocks)
            if self._turn is not None:
                # Of another term, a message may have been under way when it ended, or what it said was lost.
                await store.outbox.doubt_sent()
        except TermOverError:
            raise
        except StoreUnavailable as error:
            await self._tell(error.trouble)
            raise
        return store

    async def prepare(self) -> None:
        """Make the database, or bring its schema up to date, before anybody owns the work. Raises DatabaseError."""
        try:
            await (await self._opened()).close()
        except StoreUnavailable as error:
            await self._tell(error.trouble)
            raise

    async def _opened(self) -> Store:
        """A lock that is held and a server that is away have as long as while the monitor runs: both pass."""
        until = self._clock.monotonic() + self._patience
        while True:
            try:
                monitor = self._config.monitor
                return await Store.open(
                    monitor.database,
                    self._names,
                    executor=self._outside.executor,
                    fast=monitor.durability == "fast",
                    turn=self._turn,
                    server=self._outside.server,
                )
            except StoreUnavailable as error:
                if error.trouble.kind not in _PASSING or self._clock.monotonic() >= until:
                    raise
                log.warning("database.awaited", reason=error.trouble.words)
            await asyncio.sleep(_ASKED_EVERY)

    async def _tell(self, trouble: DatabaseTrouble) -> None:
        channels = [configured.provider for configured in self._providers]
        bulletin = Bulletin(channels, subscriptions(self._providers, self._labels), self._labels, self._clock)
        await announce_failed_start(bulletin, trouble, self._clock, self.lock.note)
        await asyncio.gather(*(channel.aclose() for channel in channels), return_exceptions=True)
