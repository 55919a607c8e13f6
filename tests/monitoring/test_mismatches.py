"""Deliveries of something else than was sent, from the log to the alert, on a real store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given

from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import BlockRange, Coverage, StoredRange
from connext_monitor.core.decoding import BrokenIntegrity, broken_integrity, encode_event
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    Executed,
    Hash32,
    RawLog,
    Reconciled,
    TransferEvent,
    TransferId,
    XCalled,
)
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.mismatch import Mismatch, mismatch
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.core.transfer import Sighting
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.observation import Committed, Observation
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.recording import NAMES
from tests.world.strategies import events, honest_events, log_of
from tests.world.transfers import ALPHA, BETA, durations, executed, info, sighting, xcalled

LABELS = ChainLabels({ALPHA: ChainLabel("alpha"), BETA: ChainLabel("beta")})
HONEST = executed(info(1), sighting(20)).event
assert isinstance(HONEST, Executed)
STOLEN = replace(HONEST, params=replace(HONEST.params, to=Address(b"\x99" * 20)))
DIVERTED = replace(HONEST, to=Address(b"\x99" * 20))
ALERT = f"delivery_mismatch:0x{HONEST.transfer_id.hex()}"


def log(event: TransferEvent, sighting: Sighting) -> DecodedLog:
    topics, data = encode_event(event)
    block = sighting.block
    raw = RawLog(Address(b"\x11" * 20), topics, data, block.number, block.hash, sighting.tx_hash, sighting.log_index)
    return decode_log(BETA, raw, block)


async def yes(_raw: RawLog) -> bool:
    return True


async def no(_raw: RawLog) -> bool:
    return False


def covered(*logs: DecodedLog, vouch: object = yes, gone: Sighting | None = None) -> Observation:
    reached = Coverage(BlockNumber(1), BlockNumber(5), sighting(40).block)
    lost = frozenset({gone.block.hash} if gone else set[Hash32]())
    return Observation(BETA, logs, gone=lost, progress=ChainProgress(BETA, reached), vouch=vouch)  # type: ignore[arg-type]


class Checking:
    """A checker on a file; ``changed_alerts`` are those whose change it announced, ``refuses`` has the store fail."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changed_alerts: list[str] = []
        self.refuses = False
        self.queue = ObservationQueue()
        self.checker = TransferChecker(self.queue, self, durations, self, LABELS, SystemClock(), lambda _: ["ops"])

    async def record(
        self,
        batch: Batch,
        decide: Callable[[PriorState], Changes],
        route: Route,
        at: datetime,
    ) -> tuple[Changes, list[str]]:
        def refuse(_alert: Alert) -> Collection[str]:
            raise ValueError("the last step of the transaction fails")

        return await self.store.record(batch, decide, refuse if self.refuses else route, at)

    async def prove_writable(self) -> None:
        await self.store.prove_writable()

    def committed(self, news: Committed) -> None:
        self.changed_alerts += news.changed_alerts

    async def sees(self, observation: Observation) -> None:
        await (await self.queue.put(observation))

    async def alerts(self) -> list[tuple[str, str, str | None]]:
        rows = await self.store.alerts.listed(None, limit=10)
        return [(row.alert.id, row.alert.state.value, row.alert.resolution) for row, _ in rows]


@asynccontextmanager
async def checking(folder: Path) -> AsyncIterator[Checking]:
    store = await open_store(folder / "monitor.db", NAMES)
    made = Checking(store)
    running = asyncio.create_task(made.checker.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


OPEN = [(ALERT, "open", None)]
TAKEN_BACK = [(ALERT, "resolved", "reorged")]


@given(honest_events)
def test_no_honest_event_is_one(event: TransferEvent) -> None:
    honest = replace(event, to=event.params.to) if isinstance(event, Executed) else event
    assert mismatch(honest, broken_integrity(honest, log_of(honest))) is None


@given(events)
def test_only_a_delivery_is_one_and_says_why(event: TransferEvent) -> None:
    broken = broken_integrity(event, log_of(event))
    wrong = mismatch(event, broken)
    if isinstance(event, XCalled | Reconciled):
        assert wrong is None
    elif broken is BrokenIntegrity.PARAMS_HASH:
        assert wrong is Mismatch.PARAMS


@pytest.mark.parametrize(("event", "wrong"), [(STOLEN, Mismatch.PARAMS), (DIVERTED, Mismatch.RECIPIENT)])
async def test_a_covered_mismatch_opens_its_alert_and_is_no_event(
    tmp_path: Path, event: Executed, wrong: Mismatch
) -> None:
    async with checking(tmp_path) as made:
        await made.sees(covered(log(event, sighting(20))))
        assert await made.alerts() == OPEN
        assert made.changed_alerts == [ALERT]
        ((row, view),) = await made.store.alerts.listed(None, limit=2)
        assert DELIVERY_MISMATCH.details_of(row.alert).wrong is wrong
        assert row.alert.pathway == (ALPHA, BETA)
        assert view is None
        assert await made.store.chains.malformed_counts() == {BETA: 1}
        delivery = await made.store.outbox.next_delivery("ops")
        assert delivery is not None
        assert delivery.alert.id == ALERT


async def test_log_and_alert_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    async with checking(tmp_path) as made:
        made.refuses = True
        with pytest.raises(ValueError, match="last step"):
            await made.sees(covered(log(STOLEN, sighting(20))))
        assert await made.alerts() == []
        assert await made.store.chains.malformed_counts() == {}
        assert await made.store.chains.coverage(BETA) is None
        assert await made.store.chains.stored(BETA, BlockRange(BlockNumber(0), BlockNumber(99))) == StoredRange()


@pytest.mark.parametrize(
    "observation",
    [
        Observation(BETA, [log(STOLEN, sighting(20))]),
        covered(log(STOLEN, sighting(20)), vouch=no),
        covered(log(replace(xcalled(info(1), sighting(1)).event, transfer_id=TransferId(bytes(32))), sighting(20))),
    ],
    ids=["pushed", "not vouched for", "an XCalled that does not hash"],
)
async def test_what_is_not_proven_is_counted_and_accuses_nobody(tmp_path: Path, observation: Observation) -> None:
    async with checking(tmp_path) as made:
        await made.sees(observation)
        assert await made.alerts() == []
        assert await made.store.chains.malformed_counts() == {BETA: 1}


async def test_however_often_it_is_read_it_is_told_once(tmp_path: Path) -> None:
    for _ in range(2):  # a restart lies in between
        async with checking(tmp_path) as made:
            for _ in range(2):
                await made.sees(Observation(BETA, [log(STOLEN, sighting(20))]))
                await made.sees(covered(log(STOLEN, sighting(20))))
            assert await made.alerts() == OPEN
            delivery = await made.store.outbox.next_delivery("ops")
            assert delivery is not None
            assert delivery.id == 1


async def test_a_reorg_that_takes_its_block_takes_the_alert_back(tmp_path: Path) -> None:
    async with checking(tmp_path) as made:
        await made.sees(covered(log(STOLEN, sighting(20))))
        stored = await made.store.chains.stored(BETA, BlockRange(BlockNumber(20), BlockNumber(20)))
        # Not its event: it is read again each time, and vouched for.
        assert stored == StoredRange({(BlockNumber(20), sighting(20).block.hash)})
        await made.sees(covered(gone=sighting(20, fork="another")))
        assert await made.alerts() == OPEN
        await made.sees(covered(gone=sighting(20)))
        assert await made.alerts() == TAKEN_BACK
        assert made.changed_alerts[-1] == ALERT
        await made.sees(covered(log(STOLEN, sighting(21))))
        assert await made.alerts() == OPEN


async def test_one_that_a_reorg_only_moved_stays(tmp_path: Path) -> None:
    async with checking(tmp_path) as made:
        await made.sees(covered(log(STOLEN, sighting(20))))
        await made.sees(covered(log(STOLEN, sighting(21)), gone=sighting(20)))
        assert await made.alerts() == OPEN
        assert [channel.waiting for channel in await made.store.outbox.channels()] == [1]
        await made.sees(covered(gone=sighting(21)))
        assert await made.alerts() == TAKEN_BACK
