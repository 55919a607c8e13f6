"""The event loop's time stands still while the program does, and goes on otherwise."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from connext_monitor.process.running_loop import LONGEST_TURN, RunningLoop, RunningTime


class Passing:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_time_that_is_looked_at_often_enough_passes_whole() -> None:
    source = Passing()
    running = RunningTime(source)
    for _ in range(100):
        source.at += 1.0
        running()
    assert running() == source.at


def test_of_a_standstill_no_more_passes_than_of_the_longest_turn() -> None:
    source = Passing()
    running = RunningTime(source)
    source.at += 600.0
    assert running() == 1000.0 + LONGEST_TURN
    source.at += 1.0
    assert running() == 1000.0 + LONGEST_TURN + 1.0


def test_it_never_goes_back() -> None:
    source = Passing()
    running = RunningTime(source)
    source.at -= 5.0
    assert running() == 1000.0


def run(work: Coroutine[Any, Any, float]) -> float:
    with asyncio.Runner(loop_factory=RunningLoop) as runner:
        return runner.run(work)


async def slept(seconds: float) -> float:
    """By the loop's own time, with nothing else to wake it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(seconds)
    return loop.time() - began


def test_a_long_rest_is_no_standstill() -> None:
    # The machine itself may stand still for a while, though hardly each time.
    assert any(abs(real - own) < 1.0 for real, own in (timed() for _ in range(5)))


def timed() -> tuple[float, float]:
    """The seconds of a rest by the machine and by the loop."""
    began = time.monotonic()
    own = run(slept(2.5))
    return time.monotonic() - began, own


async def answered_late() -> float:
    """An answer that was there before its time was up is taken, though the loop was held up for longer than that."""
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_later(0.2, answer.set_result, 1.0)
    loop.call_later(0.1, time.sleep, 4.0)
    async with asyncio.timeout(3.0):
        return float(await answer)


def test_what_comes_after_a_standstill_is_not_late() -> None:
    assert run(answered_late()) == 1.0


async def never_answered() -> float:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(0.3):
            await loop.create_future()
    except TimeoutError:
        return 1.0
    return 0.0


def test_what_never_comes_is_given_up() -> None:
    assert run(never_answered()) == 1.0
