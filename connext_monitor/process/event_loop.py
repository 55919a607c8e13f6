"""The event loop of the program: what may hang, hangs alone.

asyncio looks names up, and runs ``to_thread``, in one small pool of threads, and joins that pool when the program
ends. A resolver that hangs for half a minute then holds up files, metrics and the stop. Here each such call has a
thread of its own which nobody waits for, whichever library makes it.
"""

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

_ASKED_AGAIN_AFTER: Final = 30.0
"""Seconds: a lookup that has hung for so long is believed to hang for ever, and the name is looked up anew.

Where that one hangs too, the next comes after twice the time, and so on: one name is not to take the room of all.
"""
_MOST_HANGING: Final = 64
"""Lookups that may hang at a time; beyond them none is begun."""

T = TypeVar("T")

Question = tuple[str | None, int | str | None, int, int, int, int]
"""The arguments of ``socket.getaddrinfo``."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    begun: float
    patience: float
    answer: "asyncio.Future[Any]"

    def hangs(self, now: float) -> bool:
        """Whether it is no longer waited for by those who ask from now on."""
        return now - self.begun > self.patience


class DaemonThreadLoop(asyncio.SelectorEventLoop):
    """An event loop without a default executor: each of its calls has a daemon thread of its own.

    ``look_up`` takes what ``socket.getaddrinfo`` takes; by ``clock`` (seconds) it is known which lookups hang.
    """

    def __init__(
        self, look_up: Callable[..., Any] = socket.getaddrinfo, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._resolve = look_up
        self._clock = clock
        self._lookups: dict[Question, _Lookup] = {}
        self._hanging = 0

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,  # noqa: ANN401 - the library's own signature
        func: Callable[..., T],
        *args: Any,  # noqa: ANN401 - as above
    ) -> "asyncio.Future[T]":
        """Call it in the executor, or else in a thread that is waited for by nobody but the caller."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        return in_thread(self, partial(func, *args))

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: str | None,
        port: int | str | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the library's own signature
        proto: int = 0,
        flags: int = 0,
    ) -> Any:  # noqa: ANN401 - the library's own signature
        """Look a name up. Who asks for the same name meanwhile waits for the same answer."""
        question = (host, port, family, type, proto, flags)
        lookup = self._lookups.get(question)
        if lookup is None:
            lookup = self._look_up(question, _ASKED_AGAIN_AFTER)
        elif lookup.hangs(self._clock()):
            lookup = self._look_up(question, 2 * lookup.patience)
        return await asyncio.shield(lookup.answer)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """There is none, and no thread is waited for."""

    def _look_up(self, question: Question, patience: float) -> _Lookup:
        if self._hanging >= _MOST_HANGING:
            raise socket.gaierror(socket.EAI_AGAIN, "the resolver does not answer")
        self._hanging += 1
        lookup = _Lookup(self._clock(), patience, in_thread(self, partial(self._resolve, *question)))
        self._lookups[question] = lookup

        def ended(answer: "asyncio.Future[Any]") -> None:
            self._hanging -= 1
            if self._lookups.get(question) is lookup:
                del self._lookups[question]
            # Whoever asked may have given up; that it failed is then of no interest to anybody.
            _ = answer.cancelled() or answer.exception()

        lookup.answer.add_done_callback(ended)
        return lookup


def in_thread(loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> "asyncio.Future[T]":
    """What ``work`` returns, done in a daemon thread; cancelled, it goes on and nobody hears of it."""
    answer: asyncio.Future[T] = loop.create_future()

    def do() -> None:
        try:
            settle = partial(_settle, answer, work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller is to hear of it
            settle = partial(_fail, answer, error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle)

    try:
        threading.Thread(target=do, name=f"call of {getattr(work, 'func', work)!r:.60}", daemon=True).start()
    except RuntimeError as error:  # what the system refuses: too many threads of this user, too little memory
        answer.set_exception(OSError(errno.ENOMEM, str(error)))
    return answer


def _settle(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[T]", error: BaseException) -> None:
    if not answer.done():
        # A library that wants to exit, or to end an iteration, does not end the program by it.
        passable = isinstance(error, Exception) and not isinstance(error, StopIteration)
        answer.set_exception(error if passable else RuntimeError(f"raised {type(error).__name__}"))
