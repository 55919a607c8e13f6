"""Runs a command's work so that signals end it in bounded time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from connext_monitor.process.garbage import spare_what_is_loaded
from connext_monitor.process.running_loop import RunningLoop
from connext_monitor.process.stop_request import StopRequest

_ENDS_WITHIN = 2.0
"""Seconds: somebody at a terminal is waiting, and what is half done is recognised the next time."""

T = TypeVar("T")


class _Stopped(Exception):
    """Somebody asked the command to stop."""


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; SIGINT, SIGTERM and SIGHUP cancel it, and KeyboardInterrupt is raised."""
    spare_what_is_loaded()
    stop = StopRequest(code=1, within=_ENDS_WITHIN)
    try:
        with stop.on_signals(), asyncio.Runner(loop_factory=RunningLoop) as runner:
            return runner.run(_unless_stopped(stop, work))
    except _Stopped:
        raise KeyboardInterrupt from None


async def _unless_stopped(stop: StopRequest, work: Coroutine[Any, Any, T]) -> T:
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        stopping.cancel()
        return working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    raise _Stopped
