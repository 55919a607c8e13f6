"""An event loop of a process that is simulated: its time is the world's, and nothing in it waits for anything real.

Each process has a loop of its own, as it has outside. Whoever simulates steps the loops one call at a time, so that a
process can die between any two of them, or stand still while the others go on.
"""

import asyncio
from asyncio import events
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


class World:
    """The true time, in seconds since the story began."""

    def __init__(self) -> None:
        self.now = 0.0


class NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, coro: Any, *, loop: "ProcessLoop", **options: Any) -> None:
        self._number = next(loop.numbers)
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._number


class NumberedFuture(asyncio.Future[Any]):
    """As `NumberedTask`."""

    def __init__(self, *, loop: "ProcessLoop") -> None:
        self._number = next(loop.numbers)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class ProcessLoop(asyncio.BaseEventLoop):
    """A process's loop. Its own time stands still while the process does; what falls together is run as `ties` say."""

    def __init__(self, world: World, ties: Random) -> None:
        super().__init__()
        self._world = world
        self._behind = 0.0
        self._tie = ties.random
        self._timers: list[tuple[float, float, asyncio.TimerHandle]] = []
        self._calls: Any = self._ready  # type: ignore[attr-defined]
        self.numbers = count()
        self.steps = 0
        self.faults: list[dict[str, Any]] = []
        self.dead = False
        self.set_exception_handler(self._note_fault)

    def time(self) -> float:
        """Seconds in which the process has run."""
        return self._world.now - self._behind

    def stood_still(self, seconds: float) -> None:
        """The process was suspended for so long, until now."""
        self._behind += seconds

    @property
    def next_at(self) -> float:
        """When it has something to do next, in the world's time; infinite where it never has."""
        if self._calls:
            return self._world.now
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        return timers[0][0] + self._behind if timers else inf

    def step(self) -> bool:
        """Run the next call that is due now; False where there is none."""
        calls = self._calls
        while True:
            while calls:
                handle = calls.popleft()
                if not handle._cancelled:
                    self.steps += 1
                    handle._run()
                    return True
            if not self._timers_due():
                return False

    def run_ready(self, most: int) -> int:
        """Run what is due now, and what that makes due, but no more than so many calls; how many were left to run."""
        calls = self._calls
        left = most
        while left:
            if not calls and not self._timers_due():
                break
            handle = calls.popleft()
            if not handle._cancelled:
                left -= 1
                handle._run()
                if self.dead:
                    break
        self.steps += most - left
        return left

    def _timers_due(self) -> bool:
        timers, now, due = self._timers, self.time(), False
        while timers and timers[0][0] <= now:
            handle = heappop(timers)[2]
            if not handle._cancelled:
                self._calls.append(handle)
                due = True
        return due

    @contextmanager
    def running(self) -> Generator[None]:
        """Be the running loop."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(before)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, self._tie(), handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._calls.append(handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over once its time has come."""

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        return NumberedTask(coro, loop=self, name=name, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return NumberedFuture(loop=self)

    def run_in_executor(self, _executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """No thread: it is done at once, and the answer is there at the next step."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)
        return future

    def is_running(self) -> bool:
        return not self.is_closed()

    def _note_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.dead:
            self.faults.append(context)

    def _process_events(self, _event_list: object) -> None:
        raise AssertionError("nothing real is waited for")

    def _write_to_self(self) -> None:
        """Nobody waits in a selector."""
