"""The loop of all watches, in virtual time: when it looks, and what a failure does to it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from connext_monitor.clock.watch_loop import StepFailures, look_every
from tests.world.virtual_time import run_virtually


async def looking(loop: Coroutine[Any, Any, None], seconds: float) -> None:
    """Run the loop for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await loop


def times_of(answer: Callable[[int], Awaitable[float | None]], seconds: float, **options: Any) -> list[float]:
    """When a loop of ten seconds looks, where each look answers so by its number."""

    async def main() -> list[float]:
        looked: list[float] = []

        async def look() -> float | None:
            looked.append(asyncio.get_running_loop().time())
            return await answer(len(looked))

        await looking(look_every(10.0, look, failed="a.failed", **options), seconds)
        return looked

    return run_virtually(main())


async def nothing(_number: int) -> None:
    """Nothing to say."""


async def fails(_number: int) -> None:
    raise OSError("broken")


def test_it_looks_at_once_and_then_every_so_often() -> None:
    assert times_of(nothing, 25) == [0, 10, 20]


def test_the_first_look_may_be_later() -> None:
    assert times_of(nothing, 25, first_after=7.0) == [7, 17]


def test_a_look_says_when_the_next_one_is() -> None:
    async def answer(number: int) -> float | None:
        return 1.0 if number == 1 else None

    assert times_of(answer, 25) == [0, 1, 11, 21]


def test_a_failing_look_is_repeated_sooner_where_that_is_asked_for() -> None:
    with capture_logs():
        assert times_of(fails, 25) == [0, 10, 20]
        assert times_of(fails, 2.5, after_failure=1.0) == [0, 1, 2]


def test_waking_it_looks_at_once_even_if_that_happens_during_a_look() -> None:
    async def main() -> list[float]:
        woken, looked = asyncio.Event(), list[float]()

        async def look() -> None:
            looked.append(asyncio.get_running_loop().time())
            if len(looked) == 2:
                woken.set()

        asyncio.get_running_loop().call_later(3, woken.set)
        await looking(look_every(10.0, look, failed="a.failed", woken=woken), 15)
        return looked

    assert run_virtually(main()) == [0, 3, 3, 13]


def test_a_failure_is_logged_when_it_begins_and_when_it_becomes_another() -> None:
    async def answer(number: int) -> None:
        if number in {2, 3, 6}:
            raise OSError("broken")
        if number == 4:
            raise ValueError("broken otherwise")

    with capture_logs() as logs:
        times_of(answer, 65)
    assert [line["event"] for line in logs] == ["a.failed"] * 3


def test_a_lasting_failure_is_logged_every_ten_minutes() -> None:
    with capture_logs() as logs:
        times_of(fails, 1805)
    assert len(logs) == 4


def test_errors_that_it_passes_on_end_it() -> None:
    with capture_logs() as logs, pytest.raises(OSError, match="broken"):
        times_of(fails, 25, passes_on=(OSError,))
    assert logs == []


async def test_of_several_steps_a_failing_one_is_named_and_disturbs_no_other() -> None:
    failures, done = StepFailures("a.failed"), list[str]()
    with capture_logs() as logs:
        for _ in range(2):
            for step in ("alpha", "beta"):
                with failures.survive(step):
                    if step == "alpha":
                        raise OSError("broken")
                    done.append(step)
    assert done == ["beta", "beta"]
    assert [line["step"] for line in logs] == ["alpha"]
