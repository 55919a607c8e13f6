"""How many calls to send an endpoint in one JSON-RPC batch, learned from what becomes of them.

Vendors limit batches to a thousand calls, to ten, to three, or take none at all; some answer a part of them, and some
never answer. None says so in a way that can be relied on. Instants are seconds on a monotonic clock.
"""

from typing import Final

from connext_monitor.core.structs import replace, struct

MOST_CALLS: Final = 50
"""Calls in a batch: what one costs is hardly less in a larger one, and vendors advise against those."""
_FIRST_CALLS: Final = 4
"""In the first batches to an endpoint: what it refuses of many at once would be a flood to it."""
_FIRST_REST, _LONGEST_REST = 300.0, 3600.0


@struct(frozen=True, slots=True)
class RpcBatching:
    """What is known of the batches that one endpoint answers whole.

    ``size`` is how many calls it answers in one batch, 1 where it takes none; from ``again_at`` on twice as many are
    tried. If they fail, no more than it answers are asked for in the next ``rest`` seconds.
    """

    size: int = _FIRST_CALLS // 2
    again_at: float = 0.0
    rest: float = _FIRST_REST

    def calls(self, now: float) -> int:
        """How many calls to put into the next batch; 1: to ask for each by itself."""
        return self.size if now < self.again_at else min(MOST_CALLS, 2 * self.size)

    @property
    def is_proven(self) -> bool:
        """Whether it is known to answer batches at all."""
        return self.size >= _FIRST_CALLS

    def after_answer(self, calls: int) -> "RpcBatching":
        """After each of so many calls was answered."""
        return replace(self, size=calls) if calls > self.size else self

    def after_failure(self, calls: int, now: float, *, for_size: bool) -> "RpcBatching":
        """After a batch of so many calls was not answered, or not whole: fewer, or none where that cannot help."""
        size = min(self.size, max(1, calls // 2) if for_size else 1)
        if now < self.again_at:
            # Others of that size were under way, and show no more than the first of them did.
            return replace(self, size=size)
        return RpcBatching(size, now + self.rest, min(_LONGEST_REST, 2 * self.rest))
