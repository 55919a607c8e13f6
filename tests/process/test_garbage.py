"""When garbage is collected that nothing but a collection finds."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from connext_monitor.process.garbage import collect_each_minute
from tests.world.virtual_time import run_virtually


class Ring:
    """Refers to itself, as a connection and its protocol refer to each other."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Python's own thresholds are never reached."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_what_nobody_refers_to_is_gone_within_a_minute() -> None:
    async def main() -> list[bool]:
        collect_each_minute(asyncio.get_running_loop())
        gone = []
        for _ in range(3):
            ring = weakref.ref(Ring())
            before = ring() is None
            await asyncio.sleep(60)
            gone += [before, ring() is None]
        return gone

    assert run_virtually(main()) == [False, True] * 3


@pytest.mark.usefixtures("uncollected")
def test_what_had_long_been_there_is_gone_within_a_minute() -> None:
    async def main() -> tuple[bool, bool]:
        collect_each_minute(asyncio.get_running_loop())
        old = Ring()
        ring = weakref.ref(old)
        await asyncio.sleep(630)
        del old
        before = ring() is None
        await asyncio.sleep(60)
        return before, ring() is None

    assert run_virtually(main()) == (False, True)
