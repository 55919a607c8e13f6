"""Which heads wake a coverer that sleeps until the next confirming cover."""

import asyncio

import pytest

from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_requests import CoverRequests
from tests.monitoring.made_up_chain import CONFIG, hash_at
from tests.world.virtual_time import LoopClock, run_virtually

HOUR = 3600.0
COVERED = BlockRef(BlockNumber(10), hash_at(10), Timestamp(1000))


class Pushing:
    pushes = True


def header(number: int, parent: int | None = None) -> Header:
    parent_hash = hash_at(number - 1 if parent is None else parent)
    return Header(BlockNumber(number), hash_at(number), parent_hash, Timestamp(1000 + number), None)


async def slept(awaited: int | None, number: int, parent: int, *, pushes: bool = True, calm: float = HOUR) -> float:
    """Seconds until a coverer that could sleep for an hour is woken, where a head comes after ten seconds."""
    state = ChainState(ChainConfig.model_validate(CONFIG), LoopClock(), 120)
    state.coverage = Coverage(BlockNumber(1), BlockNumber(5), COVERED)
    state.endpoint = Pushing()  # type: ignore[assignment]
    state.endpoint.pushes = pushes  # type: ignore[misc,union-attr]
    requests, loop = CoverRequests(state, calm), asyncio.get_running_loop()
    if awaited is not None:
        state.await_cover(Timestamp(awaited))
    loop.call_later(10.0, requests.saw_head, header(number, parent))
    await requests.wait(HOUR)
    return loop.time()


@pytest.mark.parametrize(
    ("awaited", "number", "parent", "pushes", "seconds"),
    [
        (None, 11, 10, True, HOUR),
        (2000, 11, 10, True, HOUR),
        (1005, 11, 10, True, 10.0),
        (None, 11, 9, True, 10.0),
        (None, 11, 10, False, 10.0),
    ],
)
def test_a_head_wakes_where_it_is_asked_for(
    awaited: int | None, number: int, parent: int, pushes: bool, seconds: float
) -> None:
    assert run_virtually(slept(awaited, number, parent, pushes=pushes)) == pytest.approx(seconds)


async def woken_for(number: int) -> float:
    """Seconds until a coverer is woken for this block, of which was heard at once, where a head comes after ten."""
    state = ChainState(ChainConfig.model_validate(CONFIG), LoopClock(), 120)
    state.endpoint = Pushing()  # type: ignore[assignment]
    state.coverage = Coverage(BlockNumber(1), BlockNumber(5), COVERED)
    requests, loop = CoverRequests(state, HOUR), asyncio.get_running_loop()
    requests.saw_head(header(10))
    loop.call_later(10.0, requests.saw_head, header(11))
    requests.cover_block(BlockNumber(number))
    await requests.wait(HOUR)
    assert requests.reorg_hinted
    return loop.time()


@pytest.mark.parametrize(("number", "seconds"), [(10, 0.0), (11, 10.0)])
def test_a_block_heard_of_is_read_once_its_head_came(number: int, seconds: float) -> None:
    assert run_virtually(woken_for(number)) == pytest.approx(seconds)


@pytest.mark.parametrize(("calm", "seconds"), [(9.0, 10.0), (11.0, HOUR)])
def test_the_first_head_after_a_standstill_is_covered(calm: float, seconds: float) -> None:
    assert run_virtually(slept(None, 11, 10, calm=calm)) == pytest.approx(seconds)


async def woken_after(confirmed_at: float) -> float:
    """Seconds until a coverer is woken where a cover that read nothing began then, and a head comes after ten."""
    state = ChainState(ChainConfig.model_validate(CONFIG), LoopClock(), 120)
    state.coverage = Coverage(BlockNumber(1), BlockNumber(5), COVERED)
    state.endpoint = Pushing()  # type: ignore[assignment]
    requests, loop = CoverRequests(state, 12.0), asyncio.get_running_loop()
    loop.call_later(confirmed_at, requests.confirming)
    loop.call_later(10.0, requests.saw_head, header(11))
    await requests.wait(HOUR)
    return loop.time()


@pytest.mark.parametrize(("confirmed_at", "seconds"), [(1.0, HOUR), (9.0, 10.0)])
def test_a_head_is_covered_where_the_next_cover_comes_too_late(confirmed_at: float, seconds: float) -> None:
    assert run_virtually(woken_after(confirmed_at)) == pytest.approx(seconds)
