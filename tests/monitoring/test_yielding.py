"""Long work beside work that is urgent."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.monitoring.yielding import BACKGROUND, FOREGROUND, in_slices


@given(st.lists(st.integers(), max_size=600))
def test_every_item_comes_once_and_in_order(items: list[int]) -> None:
    async def taken() -> list[int]:
        return [item async for part in in_slices(items, FOREGROUND) for item in part]

    assert asyncio.run(taken()) == items


async def test_the_loop_is_given_back_between_slices() -> None:
    beside = 0

    def count() -> None:
        nonlocal beside
        beside += 1
        asyncio.get_running_loop().call_soon(count)

    count()
    seen = [beside async for _ in in_slices(range(5000), FOREGROUND)]
    assert len(seen) > 10
    assert all(after > before for before, after in pairwise(seen))


async def test_work_in_the_background_rests_between_slices() -> None:
    clock = asyncio.get_running_loop()
    at = [clock.time() async for _ in in_slices(range(500), BACKGROUND)]
    rests = [after - before for before, after in pairwise(at)]
    assert len(rests) > 5
    assert min(rests) >= 0.003
