"""The queue between a monitor's observers and its transfer checker."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from itertools import cycle

from connext_monitor.core.events import DomainId
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.observation_parts import CommitPart, parts_of, read_observation

_MOST_PARTS = 1000
"""Parts of one chain's observations that may wait."""
_TURNS = 5
"""Turns of the event loop in which more may be pushed before what came is taken: a block's logs come in a burst, one
message each, and one commit stores them sooner than one that begins with the first of them and one for the rest. Where
nothing else comes, the turns take a tenth of a millisecond.
"""


class ObservationOutcome:
    """What an observation's parts share: one that cannot be stored takes those after it with it."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done
        self.failed = False

    def fail(self, error: Exception) -> None:
        """A part could not be stored."""
        self.failed = True
        if not self._done.done():
            self._done.set_exception(error)
            # Nobody has to await the future of a pushed log; the failure is logged by the transfer checker.
            self._done.exception()

    def stored(self) -> None:
        """The last part, and so all of it, is stored."""
        if not self._done.done():
            self._done.set_result(None)


@dataclass(frozen=True, slots=True)
class QueuedPart:
    """A part of an observation; the ``last`` one carries what must not hold before all of it is stored."""

    part: CommitPart
    outcome: ObservationOutcome
    last: bool


class ObservationQueue:
    """Keeps each chain's observations in the order in which they were put, and hands the chains out in turn."""

    def __init__(self) -> None:
        self._queues: defaultdict[DomainId, asyncio.Queue[QueuedPart]] = defaultdict(lambda: asyncio.Queue(_MOST_PARTS))
        self._turns: defaultdict[DomainId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._arrived = asyncio.Event()
        self._range_came = False
        """Whether what came has a range that was read: nothing more of it is to come."""

    def __len__(self) -> int:
        """How many parts of observations wait."""
        return sum(queue.qsize() for queue in self._queues.values())

    async def put(self, observation: Observation) -> asyncio.Future[None]:
        """Queue it, waiting for room.

        The future is done once it is committed, or fails with what prevented that.
        """
        done = asyncio.get_running_loop().create_future()
        # One at a time, so that a chain's order stays while somebody vouches for a log.
        async with self._turns[observation.domain]:
            parts = parts_of(await read_observation(observation))
            self._range_came |= observation.progress is not None or observation.history is not None
            outcome = ObservationOutcome(done)
            for part in parts:
                await self._queues[observation.domain].put(QueuedPart(part, outcome, part is parts[-1]))
                self._arrived.set()
        return done

    async def arrival(self) -> None:
        """Wait until something has been put since the last time, and what was pushed with it."""
        await self._arrived.wait()
        for _ in range(_TURNS):
            if self._range_came:
                break
            await asyncio.sleep(0)
        self._arrived.clear()
        self._range_came = False

    def take(self, most: int) -> list[QueuedPart]:
        """Some of what waits, until that is ``most`` logs: one part of each chain in turn."""
        batch: list[QueuedPart] = []
        logs = 0
        for queue in cycle(list(self._queues.values())):
            if logs >= most or not len(self):
                break
            if not queue.empty():
                batch.append(queue.get_nowait())
                logs += batch[-1].part.size
        return batch
