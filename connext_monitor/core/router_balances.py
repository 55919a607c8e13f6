"""What routers have on a chain, as its diamond says it after a covered block."""

from connext_monitor.core.events import Address, BlockRef
from connext_monitor.core.structs import struct

RouterAsset = tuple[Address, Address]
"""A router, and a local asset of the chain."""


@struct(frozen=True, slots=True)
class CoveredBalances:
    """Base units of what was asked about, in that order, after the covered ``block``.

    ``earlier_stands``: whether the earlier block that was asked about as well still stands; True where none was.
    """

    block: BlockRef
    amounts: tuple[int, ...]
    earlier_stands: bool = True
