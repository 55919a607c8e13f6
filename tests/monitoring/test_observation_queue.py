"""When what was put into the queue is taken: what is pushed in a burst together, and nothing late."""

import asyncio

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.observation_queue import ObservationQueue
from tests.monitoring.made_up_logs import ORIGIN, xcalled_log
from tests.world.virtual_time import run_virtually


async def put_each(queue: ObservationQueue, pushes: int, turns: int) -> None:
    """So many pushes, each after so many turns of the event loop."""
    for nonce in range(pushes):
        for _ in range(turns):
            await asyncio.sleep(0)
        await queue.put(Observation(ORIGIN, logs=[xcalled_log(nonce)]))


async def taken(pushes: int, turns: int) -> int:
    """How many are taken at first."""
    queue = ObservationQueue()
    coming = asyncio.create_task(put_each(queue, pushes, turns))
    await queue.arrival()
    came = len(queue.take(10_000))
    await coming
    return came


def test_what_is_pushed_one_after_the_other_is_taken_together() -> None:
    assert run_virtually(taken(pushes=12, turns=3)) == 12


def test_what_is_pushed_later_is_not_waited_for() -> None:
    assert run_virtually(taken(pushes=2, turns=8)) == 1


def test_pushes_without_an_end_are_not_waited_for() -> None:
    assert 20 <= run_virtually(taken(pushes=900, turns=1)) <= 60


def test_a_range_that_was_read_is_taken_at_once() -> None:
    async def turns_until_taken() -> int:
        queue, turns = ObservationQueue(), 0
        await queue.put(Observation(ORIGIN, progress=ChainProgress(ORIGIN, Coverage(BlockNumber(1), BlockNumber(5)))))
        arriving = asyncio.create_task(queue.arrival())
        while not arriving.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert run_virtually(turns_until_taken()) == 1
