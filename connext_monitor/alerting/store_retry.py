"""Asking the store until it answers: to go on without the record of a send would send again and again."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import structlog

from connext_monitor.core.database_trouble import StoreUnavailable

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 60.0
_UNAVAILABLE_WAIT = 2.0
"""A full disk may be cleared while the monitor runs, and the database watch alerts about it."""

log = structlog.get_logger()

T = TypeVar("T")


async def retry_store(ask: Callable[[], Awaitable[T]], provider: str) -> T:
    """What ``ask`` returns in the end; it is repeated whenever it raises. ``provider`` is logged: its worker waits."""
    wait = _FIRST_WAIT
    while True:
        try:
            return await ask()
        except StoreUnavailable:
            wait = min(wait, _UNAVAILABLE_WAIT)
        except Exception as error:  # noqa: BLE001 - whatever it is, what was sent must not be forgotten
            where = origin_of(error)
            log.error("alert.store_failed", provider=provider, error=error, raised_at=where, next_in=wait)  # noqa: TRY400 - a traceback may hold a secret
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def origin_of(error: BaseException) -> str:
    """The last places in the code that an error passed; its own text is left out, since it may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
