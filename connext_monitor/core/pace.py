"""How much to ask an endpoint for at a time: the blocks in one range, and the ranges under way at once.

Vendors limit ranges, results, bytes and rates, each in its own words, and change them; so what a refusal meant is
found out by what follows it, and both numbers grow again slowly.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from connext_monitor.core.rpc_refusal import Reaction, Refusal

FIRST_SPAN: Final = 1_000
LARGEST_SPAN: Final = 10_000
MOST_AT_ONCE: Final = 4
"""Ranges under way at once: they hide an endpoint's latency; more of them look like a flood."""
LOGS_IN_AN_ANSWER: Final = 5_000
"""Answers larger than this hold others up, and are kept in memory whole."""

_BEFORE_MORE: Final = 20
_LONGEST_BEFORE_MORE: Final = 320
"""Answers at a limit that an endpoint has set, before it is tried whether the limit still holds."""
_WAITS_FOR_A_RATE: Final = 2
"""How often what is called a rate is waited for, before it is tried whether it is the size."""
_WAITS_AFTER_ONE_BLOCK: Final = 4
"""How often is waited where even one block was refused, before the size is thought of again."""


class Step(StrEnum):
    """What to do about a range that was refused."""

    LESS = "less"
    """Ask for fewer blocks, at once: it is, or may be, a matter of size."""
    WAIT = "wait"
    """Ask for as many again, later: it is, or may be, no matter of size."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``span`` is in blocks, at least 1; ``at_once`` in ranges, at least 1.

    ``limit`` is the largest span that is asked for, lowered by refusals. ``at_limit`` counts the answers since, and
    ``patience`` how many there must be before more is tried. ``accepted`` is the largest range that was answered since
    one was refused for its size. ``size_called_rate``: this endpoint was seen to refuse sizes in words of rates.

    Since the last answer, ``refusals`` of ranges came in a row, the first at a ``span_before`` and a ``limit_before``.
    With ``control`` one block is asked for, to see whether the size matters; ``innocent`` counts the refusals since
    that was refused as well.
    """

    span: int = FIRST_SPAN
    at_once: int = MOST_AT_ONCE
    limit: int = LARGEST_SPAN
    at_limit: int = 0
    patience: int = _BEFORE_MORE
    accepted: int = 0
    size_called_rate: bool = False
    refusals: int = 0
    span_before: int = 0
    limit_before: int = 0
    control: bool = False
    innocent: int = 0

    def after_answer(self, logs: int, blocks: int | None = None) -> "Pace":
        """After a range of ``blocks`` was answered with so many logs: a quarter more, or less after too many logs.

        One block that was answered where more were refused shows that the size matters: half of them are next.
        """
        blocks = self.span if blocks is None else blocks
        settled = replace(self, refusals=0, span_before=0, limit_before=0, control=False, innocent=0)
        if self.control and self.span_before > 1:
            half = max(1, self.span_before // 2)
            return replace(settled, span=half, limit=half, at_limit=0, accepted=1)
        limit, at_limit, patience = self.limit, self.at_limit + (blocks >= self.limit), self.patience
        if 0 < self.accepted < blocks and blocks >= self.limit > self.accepted and limit < LARGEST_SPAN:
            patience = 1  # more than what was refused once is taken now: there is no need to be so careful
        if at_limit >= patience:
            limit, at_limit = min(LARGEST_SPAN, limit + limit // 4 + 1), 0
        grown = min(limit, self.span + self.span // 4 + 1)
        if logs > LOGS_IN_AN_ANSWER:
            grown = max(1, self.span * LOGS_IN_AN_ANSWER // logs)
        return replace(
            settled,
            span=grown,
            at_once=min(MOST_AT_ONCE, self.at_once + 1),
            limit=limit,
            at_limit=at_limit,
            patience=patience,
            accepted=max(self.accepted, blocks),
        )

    def after_refusal(self, refusal: Refusal, blocks: int | None = None) -> "tuple[Pace, Step]":
        """After a range of ``blocks`` was refused; what to do next, by the first of these that fits.

        1. The text names fewer blocks: those. (It may lie: then this ends at one block.)
        2. One block was refused: the size is not the reason. Wait, and ask for as many as before; and after some more
           refusals think of the size again.
        3. It is refused for its size, or nobody knows why, and is larger than what was answered lately: less.
        4. Else wait, once, or a few times where it is called a rate; then ask for one block: 2., or `after_answer`.
        """
        blocks = self.span if blocks is None else blocks
        noted = replace(
            self,
            refusals=self.refusals + 1,
            span_before=self.span_before or max(self.span, blocks),
            limit_before=self.limit_before or self.limit,
            at_limit=0,
            patience=min(_LONGEST_BEFORE_MORE, max(_BEFORE_MORE, 2 * self.patience)),
        )
        if refusal.max_blocks is not None and refusal.max_blocks < blocks:
            return _less(noted, refusal.max_blocks), Step.LESS
        if blocks == 1 or self.innocent:
            return _not_for_size(noted), Step.WAIT
        rate = refusal.reaction is Reaction.RATE and not self.size_called_rate
        beyond = blocks > self.accepted and (self.accepted > 0 or refusal.reaction is Reaction.RANGE)
        if beyond and not rate:
            near = self.accepted if 4 * self.accepted >= blocks else blocks // 2
            return _less(noted, near), Step.LESS
        if self.refusals < (_WAITS_FOR_A_RATE if rate else 1):
            return replace(noted, at_once=1), Step.WAIT
        return replace(noted, span=1, control=True, size_called_rate=self.size_called_rate or rate), Step.LESS

    def after_silence(self, asked: int) -> "Pace":
        """After an endpoint broke off over a range of ``asked`` blocks: perhaps that was too much, for it or for us.

        What it answered lately is not too much, unless it breaks off again and again.
        """
        again = replace(self, at_once=1, refusals=self.refusals + 1)
        if asked <= self.accepted and self.refusals == 0:
            return again
        return replace(again, span=max(1, min(self.span, asked) // 2))

    def after_long_read(self, asked: int, read: int) -> "Pace":
        """After a range of ``asked`` blocks took too long, of which the first ``read`` could be read meanwhile."""
        return replace(self, span=max(1, min(self.span, asked // 2, read)), at_once=1)


def _less(pace: Pace, span: int) -> Pace:
    return replace(pace, span=span, limit=span, accepted=min(pace.accepted, span))


def _not_for_size(pace: Pace) -> Pace:
    innocent = pace.innocent + 1
    restored = replace(
        pace, span=pace.span_before, limit=pace.limit_before, at_once=1, control=False, size_called_rate=False
    )
    if innocent <= _WAITS_AFTER_ONE_BLOCK:
        return replace(restored, innocent=innocent)
    return replace(restored, innocent=0, refusals=0)


def shrunk(span: int, refusal: Refusal) -> int:
    """The next span, in blocks, after one of ``span`` was refused: what the text names, if it is less, else half."""
    named = refusal.max_blocks
    if named is None and refusal.block_range is not None:
        first, last = refusal.block_range
        named = last - first + 1
    return named if named is not None and 0 < named < span else max(1, span // 2)
