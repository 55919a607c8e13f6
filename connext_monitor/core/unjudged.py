"""What waits to be judged and cannot be: how much, for how long, what hinders it, and when that is worth an alert.

Legs that are past due wait so, and deliveries that seem to have no origin. A leg whose overdue alert is open has been
judged, and so has a leg of a transfer whose delivery is called false.
"""

from collections import deque
from collections.abc import Iterable
from math import inf

from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.hindrance import Hindrance
from connext_monitor.core.structs import struct


@struct(frozen=True, slots=True)
class Unjudged:
    """What waits because of one chain, the first of it for too long: ``waited_for`` seconds.

    ``legs`` are past due, and due on it or sent from it; ``deliveries`` seem to have no origin, and it is to be asked
    about that.
    """

    legs: int
    waited_for: int
    hindrance: Hindrance
    deliveries: int = 0


@struct(frozen=True, slots=True)
class Marks:
    """Instants of one destination (Unix seconds): what is due before ``now`` is past due.

    What was due before ``aged`` waits for longer than judging takes, and before ``ripe`` for too long.
    """

    now: int
    aged: int
    ripe: int


@struct(frozen=True, slots=True)
class UnjudgedCount:
    """How many unjudged legs of one destination were due before each of its `Marks`, and when the first of them was."""

    past_due: int
    aged: int
    ripe: int
    first_due: Timestamp


class PastDue:
    """The instants that were now, lately: what was due before all of them has been past due for all that time.

    Times are on a clock that nobody sets, so that setting the other one makes nothing past due for longer than it was.
    Of the time between two looks at most a quarter of the patience counts: a program that stood still needs time to
    judge, and one that gets a second in ten is not given ten times as long.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._counted = 0.0
        self._looked_at: float | None = None
        self._instants: deque[tuple[float, int]] = deque()

    def note(self, at: float, instant: int) -> None:
        """It is this instant now."""
        if self._looked_at is not None:
            self._counted += min(at - self._looked_at, self._patience / 4)
        self._looked_at = at
        self._instants.append((self._counted, instant))
        while len(self._instants) > 1 and self._instants[1][0] <= self._counted - self._patience:
            self._instants.popleft()

    @property
    def ripe(self) -> int:
        """What was due before it has been past due for as long as there is patience; 0 while nothing has."""
        first, last = self._instants[0][0], self._instants[-1][0]
        return min(instant for _, instant in self._instants) if last - first >= self._patience else 0


_JUDGED_WITHIN = 10.0
"""Seconds that judging takes at most where nothing hinders it."""


class UnjudgedBacklog:
    """The unjudged legs of one destination, from look to look.

    What was due for as long as there is patience when a program before this one covered the chain last, waits on after
    a restart. It counts where this program meets what keeps it from being judged, too, for the time that judging takes.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._past_due = PastDue(patience)
        self._ripe_since: dict[DomainId, float] = {}
        self._ripe_before, self._waited_before, self._counted = 0, False, False
        self.time_to_judge = min(_JUDGED_WITHIN, patience / 4)

    def recall(self, watermark: Timestamp) -> None:
        """The chain had been covered up to there before this program started."""
        self._ripe_before = int(watermark - self._patience)

    def marks(self, at: float, instant: int) -> Marks:
        """Its marks where it is this instant now, ``at`` on a clock that nobody sets."""
        self._past_due.note(at, instant)
        ripe = self._past_due.ripe
        self._waited_before = ripe == 0
        return Marks(instant, instant - int(self._patience / 2), ripe or self._ripe_before)

    def counts(
        self,
        count: UnjudgedCount | None,
        at: float,
        *,
        blamed: DomainId,
        standing: bool,
        hindered: bool,
        met: bool = False,
    ) -> bool:
        """Whether a look at time ``at`` (monotonic seconds) finds legs unjudged for so long that it calls for an alert.

        Once one is ripe, until those that waited are judged. A call may be read long after its legs were due, as after
        a reorg, and these are ripe at once: they are given the time that judging takes. So are those that another chain
        than the one ``blamed`` now has kept waiting. One that has only just become past due begins nothing, and
        prolongs nothing unless it is known to be hindered. ``standing`` is whether something stands because of the
        chain to blame; ``met``: something was met in judging them that keeps them from being judged.
        """
        ripe = count is not None and count.ripe > 0 and (met or not self._waited_before)
        if ripe:
            self._ripe_since.setdefault(blamed, at)
        else:
            self._ripe_since.clear()
        lasts = standing and count is not None and (count.aged > 0 or hindered)
        self._counted = lasts or (ripe and at - self._ripe_since[blamed] >= self.time_to_judge)
        return self._counted

    @property
    def ripens(self) -> bool:
        """Whether a leg is ripe that does not count yet: the next look should come soon."""
        return bool(self._ripe_since) and not self._counted


class StandingBacklog:
    """What waits because of one chain, from look to look.

    ``standing``: something has waited because of it within the patience, so that an endpoint that answers now and then
    gives one alert, not many. Before the first look, what was alerted about before a restart is taken to stand.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._last_at = -inf
        self.standing = True
        self.unjudged: Unjudged | None = None

    def conclude(self, unjudged: Unjudged | None, at: float) -> bool:
        """A look has shown this, at these monotonic seconds; whether something begins to stand with it."""
        begins = unjudged is not None and not self.standing
        self.unjudged = unjudged
        if unjudged is not None:
            self._last_at, self.standing = at, True
        elif at - self._last_at >= self._patience:
            self.standing = False
        return begins


def combined(parts: Iterable[Unjudged | None]) -> Unjudged | None:
    """All of what waits because of one chain, hindered by what hinders the first of these."""
    waiting = [part for part in parts if part is not None]
    if not waiting:
        return None
    legs, deliveries = sum(part.legs for part in waiting), sum(part.deliveries for part in waiting)
    return Unjudged(legs, max(part.waited_for for part in waiting), waiting[0].hindrance, deliveries)


def backlog_words(unjudged: Unjudged) -> str:
    """``1 leg past due``, ``1,200 legs past due and 1 delivery without an origin``."""
    legs, deliveries = unjudged.legs, unjudged.deliveries
    words = []
    if legs or not deliveries:
        words.append(f"{legs:,} {'leg' if legs == 1 else 'legs'} past due")
    if deliveries:
        words.append(f"{deliveries:,} {'delivery' if deliveries == 1 else 'deliveries'} without an origin")
    return " and ".join(words)


def why_degraded(chain: str, unjudged: Unjudged) -> str:
    """What is wrong with a chain because of which something cannot be judged."""
    return f"{chain} has {backlog_words(unjudged)} that cannot be judged: {unjudged.hindrance.words}"
