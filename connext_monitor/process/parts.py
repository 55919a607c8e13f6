"""Parts of a program that run at the same time and stop one after the other, the last one started first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

_CANCELLED_AGAIN_AFTER = 0.5
_TRIES = 2

OnFailure = Callable[[str, BaseException | None], None]
"""Hears the name of a part that failed, and its error: None where it returned though it should run until cancelled."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs until it is cancelled.

    ``drain`` does what is left to do once it has been stopped. A ``patient`` part uses the time that it is given: it is
    cancelled once, and waited for.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    drain: Callable[[], Awaitable[None]] | None = None
    patient: bool = False


class RunningParts:
    """Runs parts until one of them fails or ``until`` returns; then stops them in the reverse order of their start.

    ``failed`` hears of the parts that ended the run, ``failed_to_stop`` of those that raised while they were stopped.
    A part that has not ended is cancelled again after ``cancelled_again_after`` seconds, since a library may turn a
    cancellation into an error of its own; the second time, the next part is stopped meanwhile.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        failed: OnFailure,
        failed_to_stop: OnFailure,
        cancelled_again_after: float = _CANCELLED_AGAIN_AFTER,
    ) -> None:
        self._cancelled_again_after = cancelled_again_after
        self._parts = parts
        self._failed = failed
        self._failed_to_stop = failed_to_stop
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended = asyncio.Event()
        self._stopping = False

    async def run(self, until: Callable[[], Awaitable[object]], before_stop: Callable[[bool], None]) -> bool:
        """Run them all; True once they have stopped because ``until`` returned, False where a part failed.

        ``before_stop`` is called before the first part is stopped, with what will be returned. Cancelling this stops
        the parts in the same order.
        """
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                self._tasks[part.name] = group.create_task(self._survive(part), name=part.name)
            asked = group.create_task(self._wait_for(until), name="stop")
            clean = False
            try:
                await self._ended.wait()
                clean = asked.done()
            finally:
                self._stopping = True
                before_stop(clean)
                asked.cancel()
                await self._stop_all()
        return clean

    async def _wait_for(self, until: Callable[[], Awaitable[object]]) -> None:
        await until()
        self._ended.set()

    async def _survive(self, part: Part) -> None:
        """Run a part; its failure is told here, since in a task group it would cancel all others at the same time."""
        error: BaseException | None = None
        try:
            await part.run()
        except asyncio.CancelledError as raised:
            # A task group takes a cancelled task for one that nobody needs any more.
            if self._stopping:
                raise
            error = raised
        except Exception as raised:  # noqa: BLE001 - it is handed on
            error = raised
        if self._stopping:
            if error is not None:
                self._failed_to_stop(part.name, error)
            return
        self._failed(part.name, error)
        self._ended.set()

    async def _stop_all(self) -> None:
        """Stop the parts one by one; one that does not end holds the others up for a moment only."""
        hanging: set[asyncio.Task[Any]] = set()
        for part in reversed(self._parts):
            task = self._tasks[part.name]
            if not await self._end(task, part.patient):
                hanging.add(task)
            if part.drain is not None:
                await self._drain(part.name, part.drain)
        await cancelled(hanging, self._cancelled_again_after)

    async def _end(self, task: "asyncio.Task[None]", patient: bool) -> bool:
        """Cancel a part; False where it does not end."""
        if patient:
            task.cancel()
            await asyncio.wait({task})
        for _ in range(_TRIES):
            if task.done():
                break
            task.cancel()
            await asyncio.wait({task}, timeout=self._cancelled_again_after)
        return task.done()

    async def _drain(self, name: str, drain: Callable[[], Awaitable[None]]) -> None:
        try:
            await drain()
        except Exception as error:  # noqa: BLE001 - it is handed on, and the other parts have to be stopped
            self._failed_to_stop(name, error)


async def cancelled(tasks: Collection["asyncio.Task[Any]"], again_after: float = _CANCELLED_AGAIN_AFTER) -> None:
    """Cancel tasks until they have ended, again every so many seconds; what they raise is left to the caller."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=again_after)
