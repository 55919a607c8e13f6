"""Blocks and logs of a chain as values, and the filters that ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, RawLog, Timestamp
from connext_monitor.core.structs import struct

Topics: TypeAlias = Sequence[bytes | Sequence[bytes] | None]
"""A filter by position: a topic, one of several, or any; none of them: all logs."""


@struct(frozen=True, slots=True)
class Header:
    """A block as its endpoint describes it; ``logs_bloom`` is its 256 bytes, None if it gives none."""

    number: BlockNumber
    hash: Hash32
    parent_hash: Hash32
    timestamp: Timestamp
    logs_bloom: bytes | None

    @property
    def ref(self) -> BlockRef:
        """What of it the core needs."""
        return BlockRef(self.number, self.hash, self.timestamp)


@dataclass(frozen=True, slots=True)
class MalformedEntry:
    """A log that cannot be read or was not asked for: the beginning of its JSON, and what is wrong with it.

    ``unreadable``: one that was asked for may hide in it. ``removed`` is the log that it says was removed.
    """

    json: bytes
    reason: str
    unreadable: bool = False
    removed: RawLog | None = None


@struct(frozen=True, slots=True)
class PushedLog:
    """A log of a subscription; ``removed`` hints at a reorg, and proves nothing."""

    log: RawLog
    removed: bool


@struct(frozen=True, slots=True)
class LogFilter:
    """What logs were asked for. An endpoint that gives others, of another contract for one, is not believed."""

    address: Address
    topics: Topics
    from_block: BlockNumber | None = None
    to_block: BlockNumber | None = None

    def params(self) -> dict[str, object]:
        """As JSON-RPC has it."""
        params: dict[str, object] = {
            "address": to_hex(self.address),
            "topics": [_topic(topic) for topic in self.topics],
        }
        if self.from_block is not None:
            params["fromBlock"] = hex(self.from_block)
        if self.to_block is not None:
            params["toBlock"] = hex(self.to_block)
        return params

    @property
    def blocks(self) -> int | None:
        """How many blocks it asks for; None where it has no bounds."""
        if self.from_block is None or self.to_block is None:
            return None
        return self.to_block - self.from_block + 1

    def why_not(self, log: RawLog) -> str | None:
        """Why a log is none of those that were asked for; None if it is one."""
        if log.address != self.address:
            return "it is from another contract"
        for position, allowed in enumerate(self.topics):
            if not _matches(log.topics, position, allowed):
                return "its topics were not asked for"
        if self.from_block is not None and log.block_number < self.from_block:
            return "its block was not asked for"
        if self.to_block is not None and log.block_number > self.to_block:
            return "its block was not asked for"
        return None


def to_hex(value: bytes) -> str:
    """Bytes as JSON-RPC has them."""
    return "0x" + value.hex()


def _topic(topic: bytes | Sequence[bytes] | None) -> str | tuple[str, ...] | None:
    if topic is None or isinstance(topic, bytes):
        return None if topic is None else to_hex(topic)
    return _written(tuple(topic))


@lru_cache(64)
def _written(choices: tuple[bytes, ...]) -> tuple[str, ...]:
    # A monitor asks for the same few lists again and again, of dozens of topics.
    return tuple(map(to_hex, choices))


def _matches(topics: tuple[bytes, ...], position: int, allowed: bytes | Sequence[bytes] | None) -> bool:
    if allowed is None:
        return True
    choices = (allowed,) if isinstance(allowed, bytes) else allowed
    return position < len(topics) and topics[position] in choices
