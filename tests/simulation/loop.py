"""An event loop of a process that is simulated: its time is the world's, and nothing in it waits for anything real.

Each process has a loop of its own, as it has outside. Whoever simulates steps the loops one call at a time, so that a
process can die between any two of them, or stand still while the others go on.
"""

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

_TURN = 1e-6
"""Seconds that a turn of a loop takes."""
_MOST_AT_ONCE = 100_000
"""Calls of which one leads to the next without a pause: hundreds of times more than reading a day's history takes."""


class NeverRests(Exception):
    """A process goes round and round without ever waiting for anything."""


class Time:
    """The true time, in seconds since the story began."""

    def __init__(self) -> None:
        self.now = 0.0
        self.read: Callable[[], float] = partial(getattr, self, "now")
        """Reads it, without a frame of its own."""


class Call(list[Any]):
    """A call that is to be made, now or at its time: what is called, with what, and in which context.

    A simulated day makes a hundred thousand of them: it is a list, which is made and emptied without a frame. Of a
    handle of asyncio's own it has what whoever is given one uses. One that is empty is passed over once its time comes.
    """

    __slots__ = ()

    cancel = list.clear

    def cancelled(self) -> bool:
        """Whether it is not to be made any more."""
        return not self


class NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, coro: Any, *, loop: "ProcessLoop", **options: Any) -> None:
        self._number = next(loop.numbers)
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._number


class NumberedFuture(asyncio.Future[Any]):
    """As `NumberedTask`; few are ever in a set, so it has a number once it is asked for it."""

    _number: int | None = None

    def __hash__(self) -> int:
        if self._number is None:
            self._number = next(self.get_loop().numbers)  # type: ignore[attr-defined]
        return self._number


class ProcessLoop(asyncio.BaseEventLoop):
    """A process's loop. Its own time stands still while the process does; ``ties`` order what falls together.

    ``steps`` counts the calls that were made. Once it is ``dead``, nothing of it is run any more. What is called a
    hundred thousand times a day (``time``, ``create_future``, ``get_debug``) is made of what needs no frame.
    """

    get_debug = bool  # it is false

    def __init__(self, time: Time, ties: Random) -> None:
        super().__init__()
        self._time = time
        self._behind = time.now
        self._own_time = [0.0]
        """Seconds in which the process has run."""
        self.time = partial(self._own_time.__getitem__, 0)  # type: ignore[method-assign]
        self.create_future = partial(NumberedFuture, loop=self)  # type: ignore[method-assign]
        self._tie = ties.random
        self._timers: list[tuple[float, float, Call]] = []
        self._calls: deque[Call] = deque()
        self._halted = False
        self.numbers = count()
        self.steps = 0
        self.dead = False
        self.faults: list[dict[str, Any]] = []
        self.set_exception_handler(self._note_fault)

    def stood_still(self, seconds: float) -> None:
        """The process was suspended for so long, until now."""
        self._behind += seconds

    def halt(self, *_: object) -> None:
        """Have `run_until` return once what is due at this moment was done."""
        self._halted = True

    @property
    def next_at(self) -> float:
        """When it has something to do next, in the world's time; infinite where it never has."""
        if self._calls:
            return self._time.now
        timers = self._timers
        while timers and not timers[0][2]:
            heappop(timers)
        return timers[0][0] + self._behind if timers else inf

    def run_until(self, limit: float, most: int) -> int:
        """Make the calls that are due now, or before ``limit`` (the world's time, which goes on with them); how many.

        No more than ``most``, and none after what is due when it is halted. Raises NeverRests where those that are due
        at a time have no end.
        """
        made, time = 0, self._time
        begin = time.now
        self._halted = False
        events._set_running_loop(self)
        try:
            while made < most and not self._halted and not self.dead:
                at, now = self.next_at, time.now
                at = max(at, now)
                if at >= limit and at > begin:
                    break
                time.now = at
                made += self._run_due(most - made)
        finally:
            events._set_running_loop(None)
        self.steps += made
        return made

    def _run_due(self, most: int) -> int:
        calls, timers, time, own = self._calls, self._timers, self._time, self._own_time
        made = 0
        own[0] = time.now - self._behind
        while made < most:
            if not calls:
                # Nothing runs in no time: who waits for less than a float can tell would else wait for ever.
                time.now += _TURN
                own[0] = now = time.now - self._behind
                while timers and timers[0][0] <= now:
                    calls.append(heappop(timers)[2])
                if not calls:
                    break
            if not (call := calls.popleft()):
                continue
            called, arguments, context = call
            made += 1
            try:
                context.run(called, *arguments)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as asyncio's own
                self.call_exception_handler({"message": f"in {called!r}", "exception": error})
            if self.dead:
                break
            if made > _MOST_AT_ONCE:
                raise NeverRests(f"{made} calls were made at {time.now:.3f}, and more are due")
        return made

    @contextmanager
    def running(self) -> Generator[None]:
        """Be the running loop."""
        self._own_time[0] = self._time.now - self._behind
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(None)

    def die(self) -> None:
        """Nothing of it is run from now on."""
        self.dead = True
        self._calls.clear()
        self._timers.clear()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Call:
        call = Call((callback, args, copy_context() if context is None else context))
        if not self.dead:
            heappush(self._timers, (when, self._tie(), call))
        return call

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Call:
        call = Call((callback, args, copy_context() if context is None else context))
        if not self.dead:
            heappush(self._timers, (self._own_time[0] + delay, self._tie(), call))
        return call

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Call:
        call = Call((callback, args, copy_context() if context is None else context))
        if not self.dead:
            self._calls.append(call)
        return call

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Call:
        return self.call_soon(callback, *args, context=context)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        return NumberedTask(coro, loop=self, name=name, context=context)

    def run_in_executor(self, _executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """No thread: it is done at once, and the answer is there at the next step."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)
        return future

    def _note_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.dead:
            self.faults.append(context)

    def _process_events(self, _event_list: object) -> None:
        raise AssertionError("nothing real is waited for")

    def _write_to_self(self) -> None:
        """Nobody waits in a selector."""
