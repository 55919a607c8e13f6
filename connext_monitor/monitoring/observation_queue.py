"""The queue between a monitor's observers and its transfer checker."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from connext_monitor.core.events import DomainId, RawLog
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.observation_parts import CommitPart, parts_of, read_observation

_MOST_PARTS = 1000
"""Parts of one chain's observations that may wait."""
_QUIET_TURNS, _MOST_TURNS = 5, 50
"""Turns of the event loop in a row in which nothing more is pushed before what came is taken, and how many there may be
until then: a block's logs come in a burst, one message each, and one commit stores them sooner than one that begins
with the first of them and one for the rest. Where nothing else comes, the turns take a tenth of a millisecond.
"""
MOST_BYTES = 16 * 2**20
"""Of all chains' ranges that were read and are not stored yet, and as much of what was pushed; more has to wait."""
_BYTES_OF_A_LOG = 2_000
"""Beside its data."""


class ObservationOutcome:
    """What an observation's parts share: one that cannot be stored takes those after it with it."""

    def __init__(self, done: asyncio.Future[None], on_end: Callable[[], None]) -> None:
        self._done = done
        self._on_end = on_end
        self.failed = False

    def fail(self, error: Exception) -> None:
        """A part could not be stored."""
        self._end(failed=True)
        if not self._done.done():
            self._done.set_exception(error)
            # Nobody has to await the future of a pushed log; the failure is logged by the transfer checker.
            self._done.exception()

    def stored(self) -> None:
        """The last part, and so all of it, is stored."""
        self._end(failed=False)
        if not self._done.done():
            self._done.set_result(None)

    def give_up(self) -> None:
        """Not all parts have come, and nobody waits for it any more."""
        self._end(failed=True)
        self._done.cancel()

    def _end(self, *, failed: bool) -> None:
        self.failed = self.failed or failed
        on_end, self._on_end = self._on_end, _nothing
        on_end()


@dataclass(frozen=True, slots=True)
class QueuedPart:
    """A part of an observation; the ``last`` one carries what must not hold before all of it is stored."""

    part: CommitPart
    outcome: ObservationOutcome
    last: bool


class Unstored:
    """What has come and is not stored yet: how many observations of each chain, and the bytes of all of them."""

    def __init__(self) -> None:
        self._observations: Counter[DomainId] = Counter()
        self._bytes = 0
        self._freed = asyncio.Event()

    async def room(self, domain: DomainId) -> None:
        """Wait until there is room for one more; a chain that has none there need not wait for the others."""
        while self._observations[domain] and self._bytes >= MOST_BYTES:
            self._freed.clear()
            await self._freed.wait()

    def add(self, domain: DomainId, size: int) -> None:
        """One more."""
        self._observations[domain] += 1
        self._bytes += size

    def remove(self, domain: DomainId, size: int) -> None:
        """It is stored, or will not be."""
        self._observations[domain] -= 1
        self._bytes -= size
        self._freed.set()


class ObservationQueue:
    """Keeps each chain's observations in the order in which they were put, and hands the chains out in turn.

    What is pushed goes ahead while ranges that were read wait for room.
    """

    def __init__(self) -> None:
        self._read, self._pushed = Unstored(), Unstored()
        self._queues: defaultdict[DomainId, asyncio.Queue[QueuedPart]] = defaultdict(lambda: asyncio.Queue(_MOST_PARTS))
        self._turns: defaultdict[DomainId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._arrived = asyncio.Event()
        self._came = 0
        """How many parts have come so far."""
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
        domain, was_read = observation.domain, observation.progress is not None or observation.history is not None
        unstored = self._read if was_read else self._pushed
        await unstored.room(domain)
        # One at a time, so that a chain's order stays while somebody vouches for a log.
        async with self._turns[observation.domain]:
            parts = parts_of(await read_observation(observation))
            self._range_came |= was_read
            size = _size(observation)
            unstored.add(domain, size)
            outcome = ObservationOutcome(done, partial(unstored.remove, domain, size))
            try:
                for part in parts:
                    await self._queues[observation.domain].put(QueuedPart(part, outcome, part is parts[-1]))
                    self._came += 1
                    self._arrived.set()
            except asyncio.CancelledError:
                outcome.give_up()
                raise
        return done

    async def arrival(self) -> None:
        """Wait until something has been put since the last time, and what was pushed with it."""
        await self._arrived.wait()
        quiet = 0
        for _ in range(_MOST_TURNS):
            if self._range_came or quiet == _QUIET_TURNS:
                break
            came = self._came
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._came == came else 0
        self._arrived.clear()
        self._range_came = False

    def take(self, most: int) -> list[QueuedPart]:
        """Some of what waits, until that is ``most`` logs: one part of each chain in turn."""
        batch: list[QueuedPart] = []
        logs = 0
        waiting = [queue for queue in self._queues.values() if queue.qsize()]
        while waiting:
            for queue in waiting:
                if logs >= most:
                    return batch
                batch.append(queue.get_nowait())
                logs += batch[-1].part.size
            waiting = [queue for queue in waiting if queue.qsize()]
        return batch


def _size(observation: Observation) -> int:
    data = sum([len(decoded.log.data) for decoded in observation.logs if type(decoded.log) is RawLog])
    return data + _BYTES_OF_A_LOG * len(observation.logs) + sum([len(entry.json) for entry in observation.malformed])


def _nothing() -> None:
    pass
