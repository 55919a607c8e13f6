"""What was wrong during a run and for how long, and by when a monitor must have told something all the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PROCESS: Final = "process"
"""Whom a disturbance of the monitor itself concerns; chains and channels go by their names."""

BOUND: Final = 15.0
"""Seconds of undisturbed running within which an alert must reach a channel: blocks of two seconds, a question to the
destination, a message, on a machine that does other things besides."""
RESTART_TAKES: Final = 10.0
"""Seconds until a started process is as ready as it was before, beside the time that it was down."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From ``begin`` to ``end``, Unix seconds."""

    begin: float
    end: float

    @property
    def length(self) -> float:
        """In seconds."""
        return self.end - self.begin

    def meets(self, begin: float, end: float) -> bool:
        """Whether it has an instant in common with this time."""
        return self.begin <= end and begin <= self.end


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that went wrong with the process, a chain or a channel.

    ``blinds``: a chain had no endpoint left that works. ``forgets``: the process lost what it was about to note, as one
    that is killed does. ``aftermath`` is for how many seconds after it the monitor is right to be slower.
    """

    span: Span
    whom: str
    what: str
    blinds: bool = False
    forgets: bool = False
    aftermath: float = 0.0


def spans_of(disturbances: Iterable[Disturbance], *whom: str) -> list[Span]:
    """When any of these was disturbed, the aftermath included; what is closer than `BOUND` counts as one."""
    spans = sorted(
        Span(disturbance.span.begin, disturbance.span.end + disturbance.aftermath)
        for disturbance in disturbances
        if disturbance.whom in whom
    )
    joined: list[Span] = []
    for span in spans:
        if joined and span.begin - joined[-1].end < BOUND:
            joined[-1] = Span(joined[-1].begin, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def must_be_told_by(since: float, disturbed: Sequence[Span], end: float) -> float | None:
    """The latest instant at which a channel must have been told of what could be told ``since`` then.

    That is `BOUND` after it, if nothing is wrong meanwhile. After a disturbance, waits between tries may be as long as
    the disturbance was, and the bound counts from then on. None if the run's ``end`` came too early. ``disturbed`` is
    as `spans_of` returns it.
    """
    free = since
    for span in disturbed:
        if free + BOUND <= span.begin:
            break
        free = max(free, span.end + span.length)
    told_by = free + BOUND
    return told_by if told_by <= end else None
