"""An event loop whose time passes at once: what waits for nothing but time is run in the order of the clock."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

_T = TypeVar("_T")
NOW = 1_790_000_000


class _Selector(selectors.DefaultSelector):
    """Never waits, and moves the loop's clock by as much as it should have waited; nor asks what is ready."""

    seconds = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        self.seconds += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that waits for timers only: sockets and threads have no place in it."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.seconds


class LoopClock:
    """The program's clock on the running loop's time."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW + self.monotonic(), UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def elapsed(self) -> float:
        return self.monotonic()


def run_virtually(main: Coroutine[Any, Any, _T]) -> _T:
    """As asyncio.run, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
