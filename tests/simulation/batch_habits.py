"""What simulated endpoints make of a JSON-RPC batch: each does the same all the time, by its vendor."""

from collections.abc import Sequence
from enum import Enum, auto

_FIRST = 3


class BatchHabit(Enum):
    """What an endpoint makes of a batch."""

    IN_ORDER = auto()
    REVERSED = auto()
    """The answers come in the opposite order."""
    CUT = auto()
    """Only the first few calls are answered."""
    TWICE = auto()
    """Every answer comes twice."""
    REFUSED = auto()
    """One error stands for all of it, without an id."""
    DEAF = auto()
    """It is never answered."""


_OF_VENDORS: tuple[BatchHabit, ...] = (*(BatchHabit.IN_ORDER,) * 4, *BatchHabit)


def batch_habit(vendor: int) -> BatchHabit:
    """The habit of a vendor's endpoints."""
    return _OF_VENDORS[vendor % len(_OF_VENDORS)]


def arranged(habit: BatchHabit, answers: Sequence[bytes]) -> bytes:
    """The message that answers a batch whose calls are answered like this."""
    match habit:
        case BatchHabit.REVERSED:
            answers = answers[::-1]
        case BatchHabit.CUT:
            answers = answers[:_FIRST]
        case BatchHabit.TWICE:
            answers = [answer for answer in answers for _ in range(2)]
        case BatchHabit.REFUSED:
            return b'[{"id":null,"error":{"code":-32600,"message":"batch too large"}}]'
        case BatchHabit.IN_ORDER | BatchHabit.DEAF:
            pass
    return b"[" + b",".join(answers) + b"]"
