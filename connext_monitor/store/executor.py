"""Where the calls of the store run: in daemon threads of their own, or where they are made.

A call is a whole transaction. The threads are nobody's to wait for: a disk that does not answer holds up neither the
event loop nor the end of the program.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from connext_monitor.store.connection import Connection

T = TypeVar("T")

Ended = Callable[[BaseException | None], None]
"""Hears that a call has ended, and what it raised."""


class Executor(Protocol):
    """Runs calls on connections, each call to its end, even where nobody waits for it any more."""

    def run(self, call: Callable[[Connection], T], ended: Ended | None = None) -> "asyncio.Future[T]":
        """What the call returns or raises; one that is cancelled before it has begun is left out.

        ``ended`` is called first, on the event loop, even where nobody waits any more.
        """
        ...

    async def close(self, within: float) -> None:
        """Let go of the connections, after the calls under way; not waiting for longer than this many seconds."""
        ...


MakeExecutor = Callable[[Callable[[], Connection], int], Executor]
"""Makes one that runs at most so many calls at a time, each on a connection that it makes with the function."""


class Inline:
    """Runs every call where it is made, at once: for a simulation, whose time must not pass meanwhile."""

    def __init__(self, make: Callable[[], Connection], _most: int = 1) -> None:
        self._connection = make()

    def run(self, call: Callable[[Connection], T], ended: Ended | None = None) -> "asyncio.Future[T]":
        """What the call returned or raised."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        result: Any = None
        error: Exception | None = None
        try:
            result = call(self._connection)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is raised where it is awaited
            error = raised
        if ended is not None:
            ended(error)
        _settle(outcome, result, error)
        return outcome

    async def close(self, within: float) -> None:  # noqa: ARG002 - nothing is under way
        """Let go of the connection."""
        self._connection.close()


class Threads:
    """Runs calls in at most ``most`` daemon threads, begun when they are needed; each has a connection to itself.

    Belongs to one event loop, which learns of every outcome; what ends after the loop is closed ends unheard. A call
    goes to the thread that was busy last: taken in turn, each one would in time compile every statement.
    """

    def __init__(self, make: Callable[[], Connection], most: int = 1) -> None:
        self._make = make
        self._most = most
        self._calls = _Calls()
        self._unfinished = 0
        self._ends: list[asyncio.Future[None]] = []
        self._closed = False

    def run(self, call: Callable[[Connection], T], ended: Ended | None = None) -> "asyncio.Future[T]":
        """What the call returns or raises; cancelled, it is left out where it has not begun, else it goes on."""
        if self._closed:
            raise RuntimeError("the database has been closed")
        if self._unfinished >= len(self._ends) < self._most:
            self._begin_thread()
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._unfinished += 1
        self._calls.put(_Call(call, outcome, partial(self._finished, ended)))
        return outcome

    async def close(self, within: float) -> None:
        """End the threads after what they still have to do; each lets go of its connection."""
        self._closed = True
        for _ in self._ends:
            self._calls.put(None)
        if self._ends:
            await asyncio.wait(self._ends, timeout=within)

    def _begin_thread(self) -> None:
        loop, connection = asyncio.get_running_loop(), self._make()
        ended: asyncio.Future[None] = loop.create_future()
        try:
            threading.Thread(target=self._work, args=(connection, loop, ended), name="database", daemon=True).start()
        except RuntimeError:  # the system allows no more threads; those that there are go on
            if not self._ends:
                raise
        else:
            self._ends.append(ended)

    def _work(self, connection: Connection, loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[None]") -> None:
        mine: _Inbox = SimpleQueue()
        self._calls.next_for(mine)
        try:
            while (call := mine.get()) is not None:
                finish = call.make(connection)
                # Before anybody learns that it is done: what they then ask for is to come here too.
                self._calls.next_for(mine)
                _hand_over(loop, finish)
                del call, finish  # what they hold on to is not to live until the next one comes
        finally:
            connection.close()
            _hand_over(loop, _settle, ended, None, None)

    def _finished(self, ended: Ended | None, error: BaseException | None) -> None:
        self._unfinished -= 1
        if ended is not None:
            ended(error)


class _Calls:
    """What is to be done, in order, and the inboxes of those with nothing to do; any thread may use it."""

    def __init__(self) -> None:
        self._waiting: _Inbox = SimpleQueue()
        self._idle: list[_Inbox] = []
        self._lock = threading.Lock()

    def put(self, call: "_Call | None") -> None:
        """Give it to whoever has been idle for the shortest time; where nobody is, it waits."""
        with self._lock:
            (self._idle.pop() if self._idle else self._waiting).put(call)

    def next_for(self, inbox: "_Inbox") -> None:
        """What has waited for longest comes into the inbox; or, where nothing waits, what is put next."""
        with self._lock:
            if self._waiting.empty():
                self._idle.append(inbox)
            else:
                inbox.put(self._waiting.get())


class _Call:
    """A call that waits for a thread, and the future that learns what came of it."""

    def __init__(self, call: Callable[[Connection], Any], outcome: "asyncio.Future[Any]", finished: Ended) -> None:
        self._call = call
        self._outcome = outcome
        self._finished = finished

    def make(self, connection: Connection) -> Callable[[], None]:
        """Returns what is to be called in the event loop then."""
        result: Any = None
        error: BaseException | None = None
        if not self._outcome.cancelled():
            try:
                result = self._call(connection)
            except BaseException as raised:  # noqa: BLE001 - whatever it is, it is raised where it is awaited
                error = raised
        try:
            return partial(self._finish, result, error)
        finally:
            del error  # it holds on to this frame

    def _finish(self, result: Any, error: BaseException | None) -> None:  # noqa: ANN401 - whatever the call returned
        self._finished(error)
        _settle(self._outcome, result, error)


_Inbox = SimpleQueue[_Call | None]
"""None is the end."""


def _hand_over(loop: asyncio.AbstractEventLoop, *call: Any) -> None:  # noqa: ANN401 - as the loop's own
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(*call)


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:  # noqa: ANN401 - as above
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:  # what ends a program, or an iteration, does not end whoever waits
        future.set_exception(RuntimeError(f"raised {type(error).__name__}"))
