"""How long work shares the event loop: in slices of some milliseconds, with room for others between them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turns:
    """How many items are worked off in a row, and for how many seconds others have the loop for themselves then."""

    in_a_row: int
    rest: float


_HURRIED = Turns(100, 0.0)
_UNHURRIED = Turns(50, 0.004)

_turns: ContextVar[Turns] = ContextVar("turns", default=_HURRIED)


@contextmanager
def unhurried(whether: bool) -> Iterator[None]:
    """What is done inside, and by the tasks begun inside, leaves the loop to others after each slice.

    A commit comes back to the loop some twenty times: where it finds long work there each time, what was just pushed
    waits for all of that work. Without this the loop is only given back, which is quickest for the work itself.
    """
    token = _turns.set(_UNHURRIED if whether else _HURRIED)
    try:
        yield
    finally:
        _turns.reset(token)


def turns() -> Turns:
    """Those of the work in hand."""
    return _turns.get()


async def in_turns(items: Iterable[T]) -> AsyncIterator[list[T]]:
    """The items in slices; the loop is given back between two of them."""
    left, ours = iter(items), turns()
    some = list(islice(left, ours.in_a_row))
    while some:
        yield some
        some = list(islice(left, ours.in_a_row))
        if some:
            await asyncio.sleep(ours.rest)
