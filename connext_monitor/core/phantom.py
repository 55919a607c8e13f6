"""Whether a delivery whose origin is not known is a phantom: proven by the origin's nonces, never guessed.

Executed carries the nonce of its transfer. An origin's nonces rise by one with every xcall, so the nonces below the one
that it gives next, as far as they were watched without a hole, are all accounted for.
"""

from enum import StrEnum

from connext_monitor.core.coverage import Nonces
from connext_monitor.core.events import BlockNumber


class PhantomVerdict(StrEnum):
    """What the origin's nonces say of a delivery."""

    BEFORE_WATCH = "its nonce is from before the watch of its origin began, or nothing is known of the nonces"
    HOLE = "its nonce is among those that are missing"
    NOT_FINAL = "what its origin says is not final yet"
    HELD = "another transfer has its nonce"
    NOT_REACHED = "its origin has not assigned its nonce yet"

    @property
    def accuses(self) -> bool:
        """Whether the delivery is proven to be a phantom."""
        return self in {PhantomVerdict.HELD, PhantomVerdict.NOT_REACHED}


def judge_delivery(
    nonce: int, nonces: Nonces | None, holder: BlockNumber | None, checkpoint: BlockNumber, *, settled: bool
) -> PhantomVerdict:
    """What the origin's ``nonces`` say of a delivery with this nonce and without an XCalled.

    ``holder`` is the block of the other XCalled with its nonce, if there is one; ``checkpoint`` the origin's last block
    that is covered and final; ``settled`` whether that has passed all blocks that an honest XCalled could stand in.
    """
    if nonces is None or nonce < nonces.first:
        return PhantomVerdict.BEFORE_WATCH
    if nonce < nonces.pruned and holder is None:
        # The transfer that had it was final when it was pruned; seen again, that one would not have come this far.
        return PhantomVerdict.HELD
    if nonce < nonces.contiguous:
        return PhantomVerdict.HELD if holder is not None and holder <= checkpoint else PhantomVerdict.NOT_FINAL
    if nonce < nonces.next:
        return PhantomVerdict.HOLE
    return PhantomVerdict.NOT_REACHED if settled else PhantomVerdict.NOT_FINAL
