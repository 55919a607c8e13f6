"""How much history to ask an endpoint for at a time: the blocks in one range, and how many ranges at once.

Vendors limit ranges, results, bytes and rates, each in its own words, and change them. So what a refusal meant is
learned from what follows it, and both numbers grow again slowly.
"""

from enum import StrEnum
from typing import Final

from connext_monitor.core.rpc_refusal import Reaction, Refusal
from connext_monitor.core.structs import replace, struct

FIRST_SPAN: Final = 1_000
LARGEST_SPAN: Final = 10_000
MOST_AT_ONCE: Final = 4
"""Ranges in flight at once: they hide an endpoint's latency; more of them look like a flood.

It begins with one. A range can be stored once the headers of its blocks are here as well, and those come behind the
answers of all ranges that were asked for before: until then the database would have nothing to do.
"""
LOGS_IN_AN_ANSWER: Final = 5_000
"""Larger answers hold others up, and are kept in memory whole."""

_ANSWERS_BEFORE_GROWTH: Final = 20
_MOST_ANSWERS_BEFORE_GROWTH: Final = 320
"""Answers at a limit that an endpoint has set, before more is tried to see whether the limit still holds."""
_WAITS_FOR_A_RATE: Final = 2
"""How often a refusal that speaks of a rate is waited out before its cause is taken to be the size."""
_WAITS_AFTER_ONE_BLOCK: Final = 4
"""How often to wait after even one block was refused, before the size is suspected again."""


class RangeRetry(StrEnum):
    """How to ask again for a range that was refused."""

    SMALLER = "smaller"
    """At once, for fewer blocks: the size is, or may be, the reason."""
    LATER = "later"
    """After a pause, for as many: the size is not the reason, or may not be."""


@struct(frozen=True, slots=True)
class RangePace:
    """What is known of the ranges that one endpoint answers.

    ``span`` is in blocks, ``at_once`` in ranges, both at least 1. ``limit`` is the largest span to ask for, lowered by
    refusals; ``at_limit`` counts the answers at it, and ``patience`` how many there must be before more is tried.
    ``accepted`` is the largest range answered since one was refused for its size. ``size_called_rate``: this endpoint
    has been seen to refuse a size in the words of a rate limit.

    Since the last answer ``refusals`` ranges were refused in a row, the first at ``span_before`` and ``limit_before``.
    While ``probing``, a single block is asked for to see whether the size matters; ``not_for_size`` counts the refusals
    since that one was refused as well.
    """

    span: int = FIRST_SPAN
    at_once: int = 1
    limit: int = LARGEST_SPAN
    at_limit: int = 0
    patience: int = _ANSWERS_BEFORE_GROWTH
    accepted: int = 0
    size_called_rate: bool = False
    refusals: int = 0
    span_before: int = 0
    limit_before: int = 0
    probing: bool = False
    not_for_size: int = 0

    def after_answer(self, logs: int, blocks: int | None = None) -> "RangePace":
        """After ``blocks`` were answered with so many logs: a quarter more, or less after too many logs.

        If a single block is answered where more were refused, the size matters: half of them are next.
        """
        blocks = self.span if blocks is None else blocks
        settled = replace(self, refusals=0, span_before=0, limit_before=0, probing=False, not_for_size=0)
        if self.probing and self.span_before > 1:
            half = max(1, self.span_before // 2)
            return replace(settled, span=half, limit=half, at_limit=0, accepted=1)
        limit, at_limit, patience = self._limit_after_answer(blocks)
        return replace(
            settled,
            span=self._span_after_answer(logs, limit),
            at_once=min(MOST_AT_ONCE, self.at_once + 1),
            limit=limit,
            at_limit=at_limit,
            patience=patience,
            accepted=max(self.accepted, blocks),
        )

    def _limit_after_answer(self, blocks: int) -> tuple[int, int, int]:
        """The limit, the answers at it, and the patience with it, after ``blocks`` were answered."""
        limit, at_limit, patience = self.limit, self.at_limit + (blocks >= self.limit), self.patience
        if 0 < self.accepted < blocks and blocks >= self.limit > self.accepted and limit < LARGEST_SPAN:
            patience = 1  # what was refused once is answered now: no need to be so careful
        if at_limit >= patience:
            limit, at_limit = min(LARGEST_SPAN, limit + limit // 4 + 1), 0
        return limit, at_limit, patience

    def _span_after_answer(self, logs: int, limit: int) -> int:
        if logs > LOGS_IN_AN_ANSWER:
            return max(1, self.span * LOGS_IN_AN_ANSWER // logs)
        return min(limit, self.span + self.span // 4 + 1)

    def after_refusal(self, refusal: Refusal, blocks: int | None = None) -> "tuple[RangePace, RangeRetry]":
        """After a range of ``blocks`` was refused; how to ask again, by the first of these that fits.

        1. The text names fewer blocks: ask for those. (It may lie: then this ends at one block.)
        2. A single block was refused: the size is not the reason. Wait, and ask for as many as before; after some more
           refusals suspect the size again.
        3. It is refused for its size, or for no known reason, and is larger than what was answered lately: ask for
           fewer.
        4. Otherwise wait once, or a few times if it is called a rate; then probe with one block: 2., or `after_answer`.
        """
        blocks = self.span if blocks is None else blocks
        noted = self._with_refusal(blocks)
        if refusal.max_blocks is not None and refusal.max_blocks < blocks:
            return _smaller(noted, refusal.max_blocks), RangeRetry.SMALLER
        if blocks == 1 or self.not_for_size:
            return _not_for_size(noted), RangeRetry.LATER
        rate = refusal.reaction is Reaction.RATE and not self.size_called_rate
        beyond = blocks > self.accepted and (self.accepted > 0 or refusal.reaction is Reaction.RANGE)
        if beyond and not rate:
            near = self.accepted if 4 * self.accepted >= blocks else blocks // 2
            return _smaller(noted, near), RangeRetry.SMALLER
        if self.refusals < (_WAITS_FOR_A_RATE if rate else 1):
            return replace(noted, at_once=1), RangeRetry.LATER
        probing = replace(noted, span=1, probing=True, size_called_rate=self.size_called_rate or rate)
        return probing, RangeRetry.SMALLER

    def _with_refusal(self, blocks: int) -> "RangePace":
        return replace(
            self,
            refusals=self.refusals + 1,
            span_before=self.span_before or max(self.span, blocks),
            limit_before=self.limit_before or self.limit,
            at_limit=0,
            patience=min(_MOST_ANSWERS_BEFORE_GROWTH, max(_ANSWERS_BEFORE_GROWTH, 2 * self.patience)),
        )

    def after_silence(self, blocks: int) -> "RangePace":
        """After an endpoint broke off over a range of ``blocks``: that may have been too much, for it or for us.

        What it answered lately is not too much, unless it breaks off again and again.
        """
        again = replace(self, at_once=1, refusals=self.refusals + 1)
        if blocks <= self.accepted and self.refusals == 0:
            return again
        return replace(again, span=max(1, min(self.span, blocks) // 2))

    def after_long_read(self, blocks: int, read: int) -> "RangePace":
        """After a range of ``blocks`` took too long; its first ``read`` blocks could be read meanwhile."""
        return replace(self, span=max(1, min(self.span, blocks // 2, read)), at_once=1)


def _smaller(pace: RangePace, span: int) -> RangePace:
    return replace(pace, span=span, limit=span, accepted=min(pace.accepted, span))


def _not_for_size(pace: RangePace) -> RangePace:
    refusals = pace.not_for_size + 1
    restored = replace(
        pace, span=pace.span_before, limit=pace.limit_before, at_once=1, probing=False, size_called_rate=False
    )
    if refusals <= _WAITS_AFTER_ONE_BLOCK:
        return replace(restored, not_for_size=refusals)
    return replace(restored, not_for_size=0, refusals=0)


def shrunk(span: int, refusal: Refusal) -> int:
    """The next span, in blocks, after one of ``span`` was refused: what the text names if that is less, else half."""
    named = refusal.max_blocks
    if named is None and refusal.block_range is not None:
        first, last = refusal.block_range
        named = last - first + 1
    return named if named is not None and 0 < named < span else max(1, span // 2)
