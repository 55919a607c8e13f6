"""How much to ask an endpoint for at a time: the blocks in one range, and the ranges under way at once.

Vendors limit ranges, results, bytes and rates, each in its own words, and change them; so both numbers are found out
by asking, and grow again slowly after a refusal.
"""

from dataclasses import dataclass, replace

from connext_monitor.core.rpc_refusal import Refusal

FIRST_SPAN = 1_000
LARGEST_SPAN = 10_000
MOST_AT_ONCE = 4
"""Ranges under way at once: they hide an endpoint's latency; more of them look like a flood."""
LOGS_IN_AN_ANSWER = 5_000
"""Answers larger than this hold others up, and are kept in memory whole."""


_BEFORE_ASKING_FOR_MORE = 100
"""Answers at a limit that an endpoint has set, before it is tried whether the limit still holds."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``span`` is in blocks, at least 1; ``at_once`` in ranges, at least 1.

    ``limit`` is the largest span that is asked for, lowered by refusals; ``at_limit`` counts the answers since.
    """

    span: int = FIRST_SPAN
    at_once: int = MOST_AT_ONCE
    limit: int = LARGEST_SPAN
    at_limit: int = 0

    def after_answer(self, logs: int) -> "Pace":
        """After a range was answered with so many logs: a quarter more, or fewer where the answer was too large."""
        limit, at_limit = self.limit, self.at_limit + 1
        if at_limit >= _BEFORE_ASKING_FOR_MORE:
            limit, at_limit = min(LARGEST_SPAN, limit + limit // 4 + 1), 0
        grown = min(limit, self.span + self.span // 4 + 1)
        if logs > LOGS_IN_AN_ANSWER:
            grown = max(1, self.span * LOGS_IN_AN_ANSWER // logs)
        return Pace(grown, min(MOST_AT_ONCE, self.at_once + 1), limit, at_limit)

    def after_refusal(self, refusal: Refusal) -> "Pace":
        """After a range was refused for its size: what the text names, if it is less, else half."""
        span = shrunk(self.span, refusal)
        return replace(self, span=span, limit=span, at_limit=0)

    def after_silence(self, asked: int) -> "Pace":
        """After an endpoint broke off over a range of ``asked`` blocks: perhaps that was too much, for it or for us."""
        return replace(self, span=max(1, min(self.span, asked) // 2), at_once=1)

    def after_rate_limit(self) -> "Pace":
        """After an endpoint asked for fewer requests: smaller ranges would only be more of them."""
        return replace(self, at_once=1)


def shrunk(span: int, refusal: Refusal) -> int:
    """The next span, in blocks, after one of ``span`` was refused: what the text names, if it is less, else half."""
    named = refusal.max_blocks
    if named is None and refusal.block_range is not None:
        first, last = refusal.block_range
        named = last - first + 1
    return named if named is not None and 0 < named < span else max(1, span // 2)
