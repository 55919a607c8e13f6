"""Where transfers began whose XCalled was not seen: which are asked about, when, and how often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from connext_monitor.clock import SystemClock
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.monitoring.chain_queries import Unanswered
from connext_monitor.monitoring.origin_search import OriginSearch
from tests.world.waiting import until

ALPHA = DomainId(1001)
LABELS = ChainLabels({ALPHA: ChainLabel("alpha")})
FIRST, SECOND = TransferId(b"\1" * 32), TransferId(b"\2" * 32)


@dataclass
class Unknown:
    """What is without an origin; ``looks`` counts how often that was read."""

    rows: list[tuple[TransferId, Timestamp]] = field(default_factory=list)
    looks: int = 0

    async def without_origin(self, _origin: DomainId) -> list[tuple[TransferId, Timestamp]]:
        self.looks += 1
        return self.rows


@dataclass
class Asked:
    """An origin that finds nothing, or does not answer."""

    answers: bool = True
    questions: list[tuple[TransferId, int]] = field(default_factory=list)

    async def fetch_origin(self, transfer_id: TransferId, since: Timestamp) -> bool:
        self.questions.append((transfer_id, since))
        if not self.answers:
            raise Unanswered("no endpoint of alpha answers")
        return False


def ago(seconds: int) -> Timestamp:
    return Timestamp(int(SystemClock().now().timestamp()) - seconds)


@asynccontextmanager
async def searching(store: Unknown, origin: Asked, again: float = 600) -> AsyncIterator[None]:
    search = OriginSearch(store, {ALPHA: origin}, LABELS, SystemClock(), every=0.005, pause=0, again=again)
    running = asyncio.create_task(search.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_each_is_asked_about_once_and_a_day_back() -> None:
    store, origin = Unknown([(FIRST, ago(500)), (SECOND, ago(700))]), Asked()
    async with searching(store, origin):
        await until(lambda: store.looks >= 4)
    assert origin.questions == [(of_row, started - 86_400) for of_row, started in store.rows]


async def test_an_origin_that_may_still_bring_it_is_not_asked() -> None:
    store, origin = Unknown([(FIRST, ago(5))]), Asked()
    async with searching(store, origin):
        await until(lambda: store.looks >= 4)
    assert origin.questions == []


async def test_who_does_not_answer_is_asked_again() -> None:
    store, origin = Unknown([(FIRST, ago(500))]), Asked(answers=False)
    async with searching(store, origin):
        await until(lambda: len(origin.questions) >= 2)
        origin.answers = True
        asked = len(origin.questions)
        await until(lambda: len(origin.questions) > asked)
        looks = store.looks
        await until(lambda: store.looks >= looks + 3)
        assert len(origin.questions) == asked + 1


async def test_an_origin_that_had_nothing_is_asked_again_later() -> None:
    store, origin = Unknown([(FIRST, ago(500))]), Asked()
    async with searching(store, origin, again=0.01):
        await until(lambda: len(origin.questions) >= 3)


async def test_an_unanswered_question_holds_up_no_other() -> None:
    class Stubborn(Asked):
        async def fetch_origin(self, transfer_id: TransferId, since: Timestamp) -> bool:
            self.answers = transfer_id != FIRST
            return await super().fetch_origin(transfer_id, since)

    store, origin = Unknown([(FIRST, ago(500)), (SECOND, ago(700))]), Stubborn()
    async with searching(store, origin):
        await until(lambda: SECOND in [transfer_id for transfer_id, _ in origin.questions])
