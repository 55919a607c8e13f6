"""How long work shares the event loop: in slices of some milliseconds, with room for others between them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

_IN_A_ROW = 50
"""Logs: some milliseconds to read or to decode."""
_REST = 0.004
"""Seconds in which others have the loop for themselves after each slice of work that is not urgent."""

_rest: ContextVar[float] = ContextVar("rest", default=0.0)


@contextmanager
def unhurried(whether: bool) -> Iterator[None]:
    """What is done inside, and by the tasks begun inside, leaves the loop to others after each slice.

    A commit comes back to the loop some twenty times: where it finds long work there each time, what was just pushed
    waits for all of that work. Without this the loop is only given back, which is quickest for the work itself.
    """
    token = _rest.set(_REST if whether else 0.0)
    try:
        yield
    finally:
        _rest.reset(token)


def rest() -> float:
    """Seconds for which the work in hand leaves the loop to others after each slice; 0: it only gives it back."""
    return _rest.get()


async def in_turns(items: Iterable[T]) -> AsyncIterator[list[T]]:
    """The items in slices; the loop is given back between two of them."""
    left = iter(items)
    some = list(islice(left, _IN_A_ROW))
    while some:
        yield some
        some = list(islice(left, _IN_A_ROW))
        if some:
            await asyncio.sleep(rest())
