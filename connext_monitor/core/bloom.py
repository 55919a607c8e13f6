"""What a block's bloom filter says about the logs in it.

Ethereum's yellow paper, 4.3.1: 2048 bits, and each address and topic of a log sets three of them, chosen by the
Keccak-256 of its bytes. A filter never denies what is there; how often it claims what is not depends on how full it is.
"""

from collections.abc import Iterable
from functools import lru_cache

from connext_monitor.core.keccak import keccak
from connext_monitor.core.structs import struct

_BITS = 2048
_MEANINGFUL = 0.01
"""The highest probability of a chance match at which a claim still means something."""


@struct(frozen=True, slots=True)
class LogMask:
    """The bits that a log of one contract sets, whichever of the topics is its first."""

    address: int
    topics: tuple[int, ...]

    @classmethod
    def of(cls, address: bytes, topics: Iterable[bytes]) -> "LogMask":
        """The mask for an address and the first topics that matter."""
        return cls(_mask(address), tuple(_mask(topic) for topic in topics))


def claims(bloom: bytes, mask: LogMask) -> bool:
    """Whether the filter (256 bytes) says that such a log may be in its block, and is empty enough for that to matter.

    A filter without any bit claims nothing: some chains never fill it.
    """
    bits = int.from_bytes(bloom, "big")
    return _may_hold(bits, mask) and _by_chance(bits, len(mask.topics)) < _MEANINGFUL


def denies(bloom: bytes, mask: LogMask) -> bool:
    """Whether the filter rules such a log out of its block; means something only if the chain fills its filters."""
    return not _may_hold(int.from_bytes(bloom, "big"), mask)


def _may_hold(bits: int, mask: LogMask) -> bool:
    return bits & mask.address == mask.address and any(bits & topic == topic for topic in mask.topics)


def _by_chance(bits: int, topics: int) -> float:
    """The probability that a filter this full claims a log that is not there."""
    per_value = (bits.bit_count() / _BITS) ** 3
    return per_value * (1 - (1 - per_value) ** topics)


@lru_cache(64)
def _mask(value: bytes) -> int:
    # Remembered: the same few contracts and topics are looked for in each pass over a chain.
    digest = keccak(value)
    mask = 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[at : at + 2], "big") % _BITS)
    return mask
