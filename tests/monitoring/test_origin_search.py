"""Where transfers began whose XCalled was not seen: which are asked about, when, and how often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.transfer import EventRecord
from connext_monitor.monitoring.origin_search import OriginSearch
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import AnsweringChain, SetAnswers
from tests.world.databases import open_store
from tests.world.recording import NAMES, put, seen
from tests.world.transfers import ALPHA, executed, info, sighting
from tests.world.virtual_time import NOW, LoopClock, run_virtually
from tests.world.waiting import running, until

LABELS = ChainLabels({ALPHA: ChainLabel("alpha")})


@dataclass
class CountedReads:
    """The transfers of a store; ``reads`` counts how often those without an origin were read."""

    store: Store
    reads: int = 0

    async def without_origin(self, origin: DomainId) -> list[tuple[TransferId, Timestamp]]:
        self.reads += 1
        return await self.store.transfers.without_origin(origin)

    async def deliver(self, *ages: int) -> list[EventRecord]:
        """Record that many transfers as executed these seconds ago, their XCalled not seen."""
        deliveries = [executed(info(nonce), sighting(9, ago(age))) for nonce, age in enumerate(ages)]
        await put(self.store, seen(*deliveries))
        return deliveries


@pytest.fixture
async def transfers(tmp_path: Path) -> AsyncIterator[CountedReads]:
    store = await open_store(tmp_path / "monitor.db", NAMES)
    yield CountedReads(store)
    await store.close()


def ago(seconds: int) -> Timestamp:
    return Timestamp(int(SystemClock().now().timestamp()) - seconds)


@asynccontextmanager
async def searching(
    store: CountedReads, origin: SetAnswers, again: float = 600, rest: float = 0.005
) -> AsyncIterator[OriginSearch]:
    search = OriginSearch(store, {ALPHA: origin}, LABELS, SystemClock(), every=0.005, pause=0, again=again, rest=rest)
    running = asyncio.create_task(search.run())
    try:
        yield search
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_each_is_asked_about_once_and_a_day_back(transfers: CountedReads) -> None:
    deliveries, origin = await transfers.deliver(500, 700), AnsweringChain().answers
    async with searching(transfers, origin):
        await until(lambda: transfers.reads >= 4)
    assert list(zip(origin.fetched, origin.since, strict=True)) == [
        (delivery.event.transfer_id, delivery.sighting.block.timestamp - 86_400) for delivery in deliveries
    ]


async def test_an_origin_that_may_still_bring_it_is_not_asked(transfers: CountedReads) -> None:
    await transfers.deliver(5)
    origin = AnsweringChain().answers
    async with searching(transfers, origin):
        await until(lambda: transfers.reads >= 4)
    assert origin.fetched == []


async def test_who_does_not_answer_is_asked_again(transfers: CountedReads) -> None:
    await transfers.deliver(500)
    origin = AnsweringChain().answers
    origin.searched = False
    async with searching(transfers, origin):
        await until(lambda: len(origin.fetched) >= 2)
        origin.searched = True
        asked = len(origin.fetched)
        await until(lambda: len(origin.fetched) > asked)
        reads = transfers.reads
        await until(lambda: transfers.reads >= reads + 3)
        assert len(origin.fetched) == asked + 1


async def test_an_origin_that_had_nothing_is_asked_again_later(transfers: CountedReads) -> None:
    await transfers.deliver(500)
    origin = AnsweringChain().answers
    async with searching(transfers, origin, again=0.01):
        await until(lambda: len(origin.fetched) >= 3)


async def test_an_unanswered_question_holds_up_no_other(transfers: CountedReads) -> None:
    first, second = [delivery.event.transfer_id for delivery in await transfers.deliver(500, 700)]

    origin = AnsweringChain().answers
    origin.nameless = first
    async with searching(transfers, origin):
        await until(lambda: second in origin.fetched)


async def test_a_stored_leg_without_origin_wakes_the_search(transfers: CountedReads) -> None:
    origin = AnsweringChain().answers
    async with searching(transfers, origin) as search:
        await until(lambda: transfers.reads)
        delivery = executed(info(0), sighting(9, ago(500)))
        search.committed((await put(transfers.store, seen(delivery)))[0])
        await until(lambda: origin.fetched == [delivery.event.transfer_id])


def test_nothing_is_read_until_something_is_due(tmp_path: Path) -> None:
    async def main() -> None:
        clock, origin = LoopClock(), AnsweringChain(clock=LoopClock()).answers
        store = await open_store(tmp_path / "monitor.db", NAMES, Inline)
        transfers = CountedReads(store)
        await put(store, seen(executed(info(0), sighting(9, Timestamp(NOW - 500)))))
        search = OriginSearch(transfers, {ALPHA: origin}, LABELS, clock, every=30, again=600, rest=7200)
        async with running(search.run()):
            await asyncio.sleep(2000)
        assert len(origin.fetched) == transfers.reads == 3  # at once, after 600 seconds, and 1200 after that
        await store.close()

    run_virtually(main())
