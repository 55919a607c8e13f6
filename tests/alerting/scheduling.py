"""A running scheduler on a real store, between chains that answer what a test sets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from connext_monitor.alerting.accusations import FindCauses
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import (
    BlockNumber,
    BlockRef,
    DomainId,
    Executed,
    Hash32,
    Timestamp,
    TransferEvent,
    TransferId,
    XCalled,
)
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import AnsweringChain, SetAnswers
from tests.world.alerts import DESTINATION, INFO, NOW, ORIGIN, RECIPIENT, ROUTER, SENDER, TOKEN, no_causes
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.recording import commit

T0 = Timestamp(int(NOW.timestamp()))


DURATIONS = Durations(execute=10, reconcile=100_000)


DUE = T0 + DURATIONS.execute


FOLLOWS_CLOCKS_EVERY = 0.05
UNSETTLED = JudgingPace(settles=0.0)


@dataclass
class Bench:
    """A running scheduler and what is around it."""

    store: Store
    scheduler: AlertScheduler
    destination: AnsweringChain
    origin: AnsweringChain
    clock: ManualClock
    chain_time: float = 0.0

    @property
    def answers(self) -> SetAnswers:
        """What the destination's endpoints answer."""
        return self.destination.answers

    def latest(self, domain: DomainId) -> float:
        """The later of its clock and of what the destination's newest block says."""
        chain = self.chain_time if domain == DESTINATION else 0.0
        return max(chain, self.clock.now().timestamp())

    async def record(self, *events: EventRecord, gone: bytes | None = None, on: DomainId = ORIGIN) -> None:
        """Store events (or a block proven gone ``on`` a chain), and tell the scheduler as the transfer checker does."""
        lost = frozenset({(on, Hash32(gone))}) if gone else frozenset[tuple[DomainId, Hash32]]()
        change, at = ObservedChange(events, lost), self.clock.now()
        changes, _ = await commit(self.store, change, durations=lambda _origin, _destination: DURATIONS, at=at)
        self.scheduler.committed(changes.effects, [])

    def covered(self, timestamp: int, number: int = 50) -> None:
        """The destination is covered up to a block of this time."""
        block = BlockRef(BlockNumber(number), Hash32(bytes(32)), Timestamp(timestamp))
        self.scheduler.committed([], [ChainProgress(DESTINATION, Coverage(BlockNumber(1), BlockNumber(1), block))])

    async def accused(self) -> list[str]:
        """The subjects of the open execute_overdue alerts."""
        return sorted(alert.subject for alert in await self.store.alerts.open_of_kinds([EXECUTE_OVERDUE]))

    async def accuses(self, *ids: TransferId) -> None:
        """Wait until exactly these are accused."""
        accused = sorted(f"0x{transfer_id.hex()}" for transfer_id in ids)
        async with asyncio.timeout(60):
            while await self.accused() != accused:  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)


def sighting(at: int, block: int) -> Sighting:
    return Sighting(BlockRef(BlockNumber(block), block_hash(block), Timestamp(at)), Hash32(b"\xcd" * 32), 0)


def block_hash(block: int) -> Hash32:
    return Hash32(block.to_bytes(32))


def record_of(domain: DomainId, event: TransferEvent, at: int, block: int) -> EventRecord:
    return EventRecord(domain, event, sighting(at, block))


def id_of(number: int) -> TransferId:
    return TransferId(bytes([number]) * 32)


def xcalled(number: int, at: int = T0, block: int = 7) -> EventRecord:
    info = replace(INFO, nonce=number)
    event = XCalled(id_of(number), number, Hash32(bytes(32)), info, TOKEN, 5, TOKEN, b"")
    return record_of(ORIGIN, event, at, block)


def executed(number: int, at: int, block: int = 9) -> EventRecord:
    info = replace(INFO, nonce=number)
    event = Executed(id_of(number), RECIPIENT, TOKEN, info, (ROUTER,), TOKEN, 5, SENDER)
    return record_of(DESTINATION, event, at, block)


@asynccontextmanager
async def scheduling(
    folder: Path,
    *,
    now: int = DUE + 1,
    opened: Callable[[], None] = lambda: None,
    find_causes: FindCauses = no_causes,
    pace: JudgingPace = UNSETTLED,
) -> AsyncIterator[Bench]:
    store = await open_store(folder / "monitor.db", {DESTINATION: "gnosis", ORIGIN: "ethereum"})
    clock = ManualClock(NOW + timedelta(seconds=now - T0), running=True)
    destination, origin = AnsweringChain("gnosis"), AnsweringChain("ethereum")
    origin.state.caught_up = True
    chains = {DESTINATION: destination, ORIGIN: origin}

    def latest(domain: DomainId) -> float:
        return bench.latest(domain)

    desk = desk_on(store.alerts, "p", woken=opened, clock=clock)
    scheduler = AlertScheduler(store.deadlines, chains, desk, find_causes, clock, pace, latest, FOLLOWS_CLOCKS_EVERY)
    bench = Bench(store, scheduler, destination, origin, clock)
    running = asyncio.create_task(scheduler.run())
    try:
        yield bench
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()
