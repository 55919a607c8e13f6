"""What has been read of a chain, as the kinds are asked whether it ends their alerts."""

from collections.abc import Sequence

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.structs import struct


@struct(frozen=True, slots=True)
class ChainReading:
    """What has been read of one chain.

    ``whole``: every block from its checkpoint to its head; ``history``: the blocks that backfills have read, where a
    batch brings any of the chain.
    """

    whole: bool
    history: Sequence[BlockRange]
