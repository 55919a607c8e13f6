"""Work that blocks on a disk which may never answer: nothing waits for its thread, neither the loop nor the exit."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises, run in a thread of its own."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        raised: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is awaited
            raised = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(finish, result, raised)

    threading.Thread(target=run, name="disk", daemon=True).start()
    return await done
