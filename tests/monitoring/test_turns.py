"""Long work beside work that is urgent."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.monitoring.turns import in_turns, turns, unhurried


@given(st.lists(st.integers(), max_size=600))
def test_every_item_comes_once_and_in_order(items: list[int]) -> None:
    async def taken() -> list[int]:
        return [item async for some in in_turns(items) for item in some]

    assert asyncio.run(taken()) == items


async def test_the_loop_is_given_back_between_slices() -> None:
    beside = 0

    def count() -> None:
        nonlocal beside
        beside += 1
        asyncio.get_running_loop().call_soon(count)

    count()
    seen = [beside async for _ in in_turns(range(5000))]
    assert len(seen) > 10
    assert all(after > before for before, after in pairwise(seen))


async def seconds_between(items: int) -> list[float]:
    clock = asyncio.get_running_loop()
    at = [clock.time() async for _ in in_turns(range(items))]
    return [after - before for before, after in pairwise(at)]


async def test_unhurried_work_rests_between_slices_also_in_the_tasks_that_it_begins() -> None:
    with unhurried(True):
        by_itself = await seconds_between(500)
        begun = asyncio.create_task(seconds_between(500))
    for rests in (by_itself, await begun):
        assert len(rests) > 5
        assert min(rests) >= 0.003


async def resting() -> float:
    return turns().rest


async def test_it_is_the_work_inside_that_rests_and_no_other() -> None:
    outside = asyncio.create_task(resting())
    with unhurried(True):
        inside = await asyncio.create_task(resting())
        with unhurried(False):
            urgent = await asyncio.create_task(resting())
    assert (await outside, inside > 0, urgent, turns().rest) == (0, True, 0, 0)
