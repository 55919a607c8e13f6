"""The loop of everything that looks at something every so often: what fails is logged once, and stops nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import NoReturn

import structlog

_REPEATED_AFTER = 600.0
_REMEMBERED = 1000
"""Failing steps of one log; beyond that it forgets them, and may say again what it has said."""

log = structlog.get_logger()


class StepFailures:
    """Survives failing steps, and logs each as ``event`` when it begins to fail.

    A step that goes on failing with the same type of error is logged again every ten minutes only: one that is repeated
    every second would fill the log.
    """

    def __init__(self, event: str, passes_on: tuple[type[Exception], ...] = ()) -> None:
        """Errors of the types in ``passes_on`` are not survived: they end the loop."""
        self._event = event
        self._passes_on = passes_on
        self._failing: dict[Hashable, tuple[type[Exception], float]] = {}

    def survive(self, step: Hashable = None) -> "_Survived":
        """Let the block fail without harm to what follows; ``step`` tells it apart from the other steps."""
        return _Survived(self, step)

    def went_well(self, step: Hashable) -> None:
        """A step did not fail: if it does, that is news."""
        if self._failing:
            self._failing.pop(step, None)

    def survives(self, step: Hashable, error: BaseException) -> bool:
        """Whether the loop goes on after a step has failed; it is logged if it is news."""
        if not isinstance(error, Exception) or isinstance(error, self._passes_on):
            return False
        if self._is_news(step, error):
            log.error(self._event, **({} if step is None else {"step": str(step)}), exc_info=error)
        return True

    def _is_news(self, step: Hashable, error: Exception) -> bool:
        now = asyncio.get_running_loop().time()
        error_type, logged_at = self._failing.get(step, (None, 0.0))
        if error_type is type(error) and now - logged_at < _REPEATED_AFTER:
            return False
        if len(self._failing) >= _REMEMBERED:
            self._failing.clear()
        self._failing[step] = (type(error), now)
        return True


class _Survived:
    """See `StepFailures.survive`. No generator: most blocks are short, and do not fail."""

    __slots__ = ("_failures", "_step")

    def __init__(self, failures: StepFailures, step: Hashable) -> None:
        self._failures = failures
        self._step = step

    def __enter__(self) -> None:
        """Begin the step."""

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        if error is not None:
            return self._failures.survives(self._step, error)
        self._failures.went_well(self._step)
        return False


async def look_every(
    seconds: float,
    look: Callable[[], Awaitable[float | None]],
    *,
    failed: str,
    first_after: float = 0.0,
    after_failure: float | None = None,
    woken: asyncio.Event | None = None,
    passes_on: tuple[type[Exception], ...] = (),
) -> NoReturn:
    """Look until cancelled: every so many seconds, and as soon as ``woken``.

    A look may return how many seconds away the next one is. One that fails is logged as ``failed`` and repeated after
    ``after_failure`` seconds; only errors of the types in ``passes_on`` end the loop.
    """
    failures = StepFailures(failed, passes_on)
    if first_after:
        await asyncio.sleep(first_after)
    while True:
        pause = seconds if after_failure is None else after_failure
        with failures.survive():
            asked_for = await look()
            pause = seconds if asked_for is None else asked_for
        await _pause(pause, woken)


async def _pause(seconds: float, woken: asyncio.Event | None) -> None:
    if woken is None:
        await asyncio.sleep(seconds)
    else:
        await rest(seconds, woken)


async def rest(seconds: float, woken: asyncio.Event) -> None:
    """Wait until ``woken``, but no longer than that; the event is cleared, whichever it was.

    Whoever waits for the event beside us is woken by the end of our rest, too.
    """
    # A timeout would have to cancel us and take that back, with an exception through every frame that waits.
    end = asyncio.get_running_loop().call_later(seconds, woken.set)
    try:
        await woken.wait()
    finally:
        end.cancel()
    woken.clear()
