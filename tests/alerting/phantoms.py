"""A running phantom watch on a real store, between two chains that answer what a test sets."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from connext_monitor.alerting.phantom_watch import PhantomWatch
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.recording import Changes
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.nouns import Alerts
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import AnsweringChain
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.recording import put
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

CLAIMED = 7


DELIVERY = executed(info(CLAIMED), sighting(20))


@dataclass
class Bench:
    store: Store
    origin: AnsweringChain
    destination: AnsweringChain
    rounds: list[None]
    watch: PhantomWatch

    async def covers(
        self, covered: int, checkpoint: int, *, upcoming: int | None, first: int | None = None, domain: DomainId = ALPHA
    ) -> ChainProgress:
        """The chain is covered and final up to these blocks, and would give this nonce next."""
        reached = Coverage(BlockNumber(1), BlockNumber(checkpoint), sighting(covered).block)
        progress = ChainProgress(domain, reached, first, upcoming)
        await put(self.store, progress=[progress])
        return progress

    async def settles(self, checkpoint: int, timestamp: int, *, upcoming: int) -> None:
        """The origin is covered well past this block, which becomes final and is stamped so."""
        progress = settling(checkpoint, timestamp, upcoming=upcoming)
        await put(self.store, progress=[progress])
        self.watch.committed(Changes(), [progress])

    async def alerts(self) -> list[tuple[str, AlertState, str | None]]:
        rows = await self.store.alerts.listed(None, limit=10)
        return [(row.alert.kind.name, row.alert.state, row.alert.resolution) for row, _ in rows]

    async def says(self, *alerts: tuple[str, AlertState, str | None]) -> None:
        async with asyncio.timeout(60):
            while await self.alerts() != list(alerts):  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)

    async def looks_twice_and_accuses_nobody(self) -> None:
        so_far = len(self.rounds)
        async with asyncio.timeout(60):
            while len(self.rounds) < so_far + 2:  # noqa: ASYNC110 - rounds are counted, no event
                await asyncio.sleep(0.01)
        assert await self.alerts() == []


def settling(checkpoint: int, timestamp: int, *, upcoming: int) -> ChainProgress:
    """The origin is covered ten blocks, and ten seconds, past this block, which becomes final and is stamped so."""
    coverage = Coverage(BlockNumber(1), BlockNumber(checkpoint), sighting(checkpoint + 10, timestamp + 10).block)
    return ChainProgress(ALPHA, coverage, next_nonce=upcoming, anchor=sighting(checkpoint, timestamp).block)


class Counting(Alerts):
    """Counts how often the open alerts are asked for: once a round."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database, {})
        self.rounds: list[None] = []
        self._counted = store.alerts

    async def open_of_kinds(self, kinds: Collection[AlertKind]) -> list[Alert]:
        self.rounds.append(None)
        return await self._counted.open_of_kinds(kinds)


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    first: int | None = 5,
    rest: float = 0.01,
    clock: Clock | None = None,
    recalled: ChainProgress | None = None,
) -> AsyncIterator[Bench]:
    """Alpha is watched from nonce ``first`` on, where that is known, and gives it next; beta from block 1 on.

    ``recalled`` is how far either was covered when the watch began.
    """
    store = await open_store(folder / "monitor.db", {})
    alerts = Counting(store)
    origin, destination = AnsweringChain("alpha"), AnsweringChain("beta")
    destination.answers.status = TransferStatus.EXECUTED
    chains, desk, clock = {ALPHA: origin, BETA: destination}, desk_on(alerts, "p"), clock or SystemClock()
    watch = PhantomWatch(store.suspects, chains, desk, clock, every=0.01, rest=rest)
    made = Bench(store, origin, destination, alerts.rounds, watch)
    await made.covers(10, 5, upcoming=first, first=first)
    await made.covers(20, 15, upcoming=0, first=0, domain=BETA)
    if recalled is not None:
        await put(store, progress=[recalled])
    running = asyncio.create_task(watch.run())
    try:
        yield made
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


def called(nonce: int, block: int = 8) -> EventRecord:
    """Another transfer with this nonce."""
    return xcalled(info(nonce, destination=ALPHA if nonce == CLAIMED else BETA), sighting(block))


PHANTOM_OPEN = ("phantom_delivery", AlertState.OPEN, None)
