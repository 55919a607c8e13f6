"""Keeps a burst of late legs from becoming a flood of questions: answers are shared, single looks are budgeted."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from connext_monitor.clock import Clock

_AT_ONCE, _ONE_MORE_EVERY = 30.0, 2.0
"""Looks that a burst has at once, and seconds after which it has one more."""
_SAME_ANSWER = 1.0
"""Seconds for which an answer serves everyone who asks the same question."""

_T = TypeVar("_T")


class SharedAnswers:
    """One answer for all who ask within a moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[object, tuple[float, asyncio.Task[Any]]] = {}

    async def shared(self, key: object, ask: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """The answer of ``ask``, called once for the same ``key``; a caller that gives up leaves it to the others."""
        asked_at, task = self._asked.get(key, (0.0, None))
        now = self._clock.monotonic()
        if task is None or now - asked_at >= _SAME_ANSWER:
            task = asyncio.create_task(ask(), name="a cause is looked for")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._asked[key] = (now, task)
        answer: _T = await asyncio.shield(task)
        return answer


class LookBudget:
    """Allows thirty looks at once, and one more every two seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._available = _AT_ONCE
        self._counted_at = clock.monotonic()

    def take(self) -> bool:
        """Take one look from the budget; False where none is left."""
        now = self._clock.monotonic()
        self._available = min(_AT_ONCE, self._available + (now - self._counted_at) / _ONE_MORE_EVERY)
        self._counted_at = now
        if self._available < 1:
            return False
        self._available -= 1
        return True
