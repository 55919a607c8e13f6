"""What time it is, by our own clock and by the chains' block times, any of which may be wrong.

A clock is described by its *offset*: the Unix seconds that it reads, less the seconds that the machine has counted
since it started, which nobody can set. While two clocks agree, so do their offsets.
"""

from collections.abc import Iterable, Sequence

from connext_monitor.core.structs import replace, struct
from connext_monitor.core.words import duration_words

TOLERANCE = 60.0
"""Seconds by which clocks may differ and still agree: a block is stamped before it is seen."""
AGREES_AGAIN = 45.0
"""A reported difference is over once it is no larger than this (seconds): hysteresis, so that it does not flap."""

_FIRST_STRETCH = 10.0
_STRETCH = 60.0
_SLACK = 15.0
_FASTEST, _SLOWEST = 1.5, 0.5
_FRESH_FOR = 600.0


@struct(frozen=True, slots=True)
class ChainClock:
    """A chain's block times beside the seconds that the machine has counted (``at``).

    ``seen`` is the last head's block time and when it came, ``since`` those of the head that the present stretch began
    with; ``offset`` is that of the last head that was in step with time, ``in_step_at`` when that came.
    """

    seen: tuple[float, float]
    since: tuple[float, float]
    offset: float | None = None
    in_step_at: float = 0.0

    @classmethod
    def begun(cls, block_time: float, at: float) -> "ChainClock":
        """With the first head, which says little: the chain may stand still, or its endpoint be behind."""
        return cls((block_time, at), (block_time, at))

    def after(self, block_time: float, at: float) -> "ChainClock":
        """With another head.

        1. A head stamped as the last one says nothing.
        2. A stretch that has just begun says nothing yet.
        3. Where blocks are stamped about as fast as time passes, the chain tells the time.
        4. Where not, old blocks are being shown, or its block times mean nothing: another stretch begins.
        """
        if block_time == self.seen[0]:
            return self
        progress, passed = block_time - self.since[0], at - self.since[1]
        seen = (block_time, at)
        if passed < _FIRST_STRETCH:
            return replace(self, seen=seen)
        if not _SLOWEST * passed - _SLACK <= progress <= _FASTEST * passed + _SLACK:
            return replace(self, seen=seen, since=seen)
        since = seen if passed >= _STRETCH else self.since
        return ChainClock(seen, since, block_time - at, at)

    def time(self, at: float) -> float:
        """What its last head says that the time is now, whether in step or not (Unix seconds)."""
        return self.seen[0] + at - self.seen[1]


@struct(frozen=True, slots=True)
class ClockState:
    """How the machine's clock goes beside the chains' block times.

    ``ahead`` is by how many seconds it is ahead of them (negative: behind), None while no chain has told the time;
    ``differs``: by too much.
    """

    ahead: float | None = None
    differs: bool = False

    @property
    def words(self) -> str | None:
        """What is wrong, None where nothing is: ``this machine's clock is 50 min behind the chains' block times``."""
        if self.ahead is None or not self.differs:
            return None
        direction = "ahead of" if self.ahead > 0 else "behind"
        return f"this machine's clock is {duration_words(abs(self.ahead))} {direction} the chains' block times"


def offsets(chains: Iterable[ChainClock], at: float) -> list[float]:
    """The offsets of those that have told the time lately."""
    return [chain.offset for chain in chains if chain.offset is not None and at - chain.in_step_at <= _FRESH_FOR]


def agreed(own: float, before: float | None, chains: Sequence[float]) -> float:
    """The offset to go by; ``own`` is our clock's, ``before`` the one gone by until now, ``chains`` the chains'.

    1. Our clock has jumped, and more chains, or as many, stand by the time before: it goes on.
    2. Half of the chains or more agree with our clock, or there is none: our clock is right.
    3. More than half of them, two at least, agree with each other: they are right.
    4. Else nobody is believed more than our own clock.
    """
    for_own = _support(own, chains)
    if before is not None and abs(own - before) > TOLERANCE and 0 < _support(before, chains) >= for_own:
        return before
    if 2 * for_own >= len(chains):
        return own
    crowd = max((_near(offset, chains) for offset in chains), key=len)
    if len(crowd) >= 2 and 2 * len(crowd) > len(chains):
        return crowd[(len(crowd) - 1) // 2]
    return own


def is_supported(offset: float, chains: Sequence[float]) -> bool:
    """Whether any chain agrees with it."""
    return _support(offset, chains) > 0


def latest(offset: float, there: float | None, chains: Sequence[float], *, settles: bool) -> float:
    """The offset for what is due on a chain whose newest block says ``there``; ``offset`` is that of our time.

    1. A block that is ahead of our time is believed: our clock may be behind.
    2. Not where any chain has lately told our time, this one or another: then its endpoint stamps the future.
    3. Nor while the time ``settles`` after a start, for until then no chain can have told it.
    """
    if there is None or there <= offset:
        return offset
    if there - offset > TOLERANCE and (is_supported(offset, chains) or (settles and not chains)):
        return offset
    return there


def earliest(offset: float, chains: Sequence[float]) -> float | None:
    """The offset for what cannot be undone: neither later than ``offset``, nor than what half of the chains say.

    None where no chain says anything.
    """
    return min(offset, sorted(chains)[(len(chains) - 1) // 2]) if chains else None


def difference(own: float, chains: Sequence[float]) -> float | None:
    """Seconds that our clock is ahead of the chains' (negative: behind), by the one in the middle; None without any.

    Of two in the middle, by the one that it agrees with better.
    """
    if not chains:
        return None
    ahead = sorted([own - chain for chain in chains])
    low, high = ahead[(len(ahead) - 1) // 2], ahead[len(ahead) // 2]
    return low if abs(low) <= abs(high) else high


def _near(offset: float, chains: Sequence[float]) -> list[float]:
    return sorted(chain for chain in chains if abs(chain - offset) <= TOLERANCE)


def _support(offset: float, chains: Sequence[float]) -> int:
    # No comprehension, which takes longer than the few chains that there are: whoever asks for the time comes by here.
    agreeing = 0
    for chain in chains:
        if -TOLERANCE <= chain - offset <= TOLERANCE:
            agreeing += 1
    return agreeing
