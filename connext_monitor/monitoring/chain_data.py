"""Blocks and logs as endpoints write them (execution-apis: hex with a leading 0x), read strictly and not believed.

Fields that are not needed are not looked at; chains add their own, and some fill the common ones oddly.
"""

from binascii import unhexlify
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec

from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, RawLog, Timestamp
from connext_monitor.monitoring.json_rpc import DECODE_ERRORS

Topics: TypeAlias = Sequence[bytes | Sequence[bytes] | None]
"""A filter by position: a topic, one of several, or any; none of them: all logs."""

_LAST_SECOND: Final = 253_402_300_799
"""9999-12-31T23:59:59Z: no calendar here goes further, and no honest block."""
_LARGEST: Final = 2**63 - 1
"""What the database can hold; no honest number of a block or a log comes near it."""
_BLOOM_BYTES: Final = 256


class Unreadable(ValueError):
    """A block, a list of logs or a value is not what it should be; the words say how."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block as its endpoint describes it; ``logs_bloom`` is its 256 bytes, None where it gives none."""

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
    """A log that cannot be read or was not asked for: its JSON as it came, and what is wrong with it."""

    json: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class PushedLog:
    """A log of a subscription; ``removed`` hints at a reorg, and proves nothing."""

    log: RawLog
    removed: bool


@dataclass(frozen=True, slots=True)
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

    def why_not(self, log: RawLog) -> str | None:
        """Why a log is none of those that were asked for; None if it is one."""
        if log.address != self.address:
            return "it is another contract's"
        for place, wanted in enumerate(self.topics):
            if not _matches(log.topics, place, wanted):
                return "its topics were not asked for"
        if self.from_block is not None and log.block_number < self.from_block:
            return "its block was not asked for"
        if self.to_block is not None and log.block_number > self.to_block:
            return "its block was not asked for"
        return None


_Quantity: TypeAlias = Annotated[str, msgspec.Meta(min_length=3, max_length=18)]
_Hex32: TypeAlias = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]
_Hex20: TypeAlias = Annotated[str, msgspec.Meta(min_length=42, max_length=42)]
# Lengths are checked by the decoder, which is quick at it; that the rest is hex, by `_bytes` and `_quantity`.


class _Block(msgspec.Struct, rename="camel"):
    number: _Quantity
    hash: _Hex32
    parent_hash: _Hex32
    timestamp: _Quantity
    logs_bloom: str | None = None


class _Log(msgspec.Struct, rename="camel"):
    address: _Hex20
    topics: Annotated[list[_Hex32], msgspec.Meta(max_length=4)]
    data: str
    block_number: _Quantity
    block_hash: _Hex32
    transaction_hash: _Hex32
    log_index: _Quantity
    removed: bool = False


_BLOCK: Final = msgspec.json.Decoder(_Block | None)
_LOG: Final = msgspec.json.Decoder(_Log)
_LOGS: Final = msgspec.json.Decoder(list[_Log])
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_QUANTITY: Final = msgspec.json.Decoder(_Quantity)
_TEXT: Final = msgspec.json.Decoder(str)


def to_hex(value: bytes) -> str:
    """Bytes as JSON-RPC has them."""
    return "0x" + value.hex()


def read_header(result: msgspec.Raw) -> Header | None:
    """A block; None for null. Raises Unreadable."""
    try:
        block = _BLOCK.decode(result)
        return None if block is None else _header(block)
    except DECODE_ERRORS as error:
        raise Unreadable(str(error)) from None


def read_quantity(result: msgspec.Raw) -> int:
    """A number up to 2⁶³ - 1. Raises Unreadable."""
    try:
        return _quantity(_QUANTITY.decode(result))
    except DECODE_ERRORS as error:
        raise Unreadable(str(error)) from None


def read_bytes(result: msgspec.Raw) -> bytes:
    """Bytes of any length. Raises Unreadable."""
    try:
        return _bytes(_TEXT.decode(result))
    except DECODE_ERRORS as error:
        raise Unreadable(str(error)) from None


def read_logs(result: msgspec.Raw, wanted: LogFilter) -> Iterator[RawLog | MalformedEntry]:
    """A list of logs, each as `read_log` reads it. Raises Unreadable at once where it is no list."""
    try:
        whole = _LOGS.decode(result)
    except DECODE_ERRORS:
        # At least one of them cannot be read: one by one, so that it takes no other with it.
        return (read_log(entry, wanted) for entry in _entries(result))
    return _read_logs(result, whole, wanted)


def _read_logs(result: msgspec.Raw, whole: Sequence[_Log], wanted: LogFilter) -> Iterator[RawLog | MalformedEntry]:
    entries: list[msgspec.Raw] = []
    for place, fields in enumerate(whole):
        try:
            log = _raw_log(fields)
            if not fields.removed and wanted.why_not(log) is None:
                yield log
                continue
        except DECODE_ERRORS:
            pass
        entries = entries or _entries(result)
        yield read_log(entries[place], wanted)


def _entries(result: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _ENTRIES.decode(result)
    except DECODE_ERRORS as error:
        raise Unreadable(str(error)) from None


def read_log(entry: msgspec.Raw, wanted: LogFilter) -> RawLog | MalformedEntry:
    """One log that stands, if it can be read and is one of those that were asked for."""
    try:
        fields = _LOG.decode(entry)
        log = _raw_log(fields)
    except DECODE_ERRORS as error:
        return MalformedEntry(bytes(entry), f"it cannot be read: {error}")
    reason = "it was removed" if fields.removed else wanted.why_not(log)
    return log if reason is None else MalformedEntry(bytes(entry), reason)


def read_pushed_log(entry: msgspec.Raw, wanted: LogFilter) -> PushedLog | MalformedEntry:
    """One log of a subscription, if it can be read and is one of those that were asked for."""
    try:
        fields = _LOG.decode(entry)
        log = _raw_log(fields)
    except DECODE_ERRORS as error:
        return MalformedEntry(bytes(entry), f"it cannot be read: {error}")
    reason = wanted.why_not(log)
    return PushedLog(log, fields.removed) if reason is None else MalformedEntry(bytes(entry), reason)


def _header(block: _Block) -> Header:
    return Header(
        number=BlockNumber(_quantity(block.number)),
        hash=Hash32(_bytes(block.hash)),
        parent_hash=Hash32(_bytes(block.parent_hash)),
        timestamp=_timestamp(block.timestamp),
        logs_bloom=_bloom(block.logs_bloom),
    )


def _bloom(text: str | None) -> bytes | None:
    try:
        bloom = _bytes(text or "")
    except ValueError:
        return None
    return bloom if len(bloom) == _BLOOM_BYTES else None


def _timestamp(text: str) -> Timestamp:
    seconds = _quantity(text)
    if seconds > _LAST_SECOND:
        raise Unreadable("a block's time is past the year 9999")
    return Timestamp(seconds)


def _raw_log(log: _Log) -> RawLog:
    # All hex of a log in one go takes half the time of field by field; the lengths of all but the data are known.
    texts = (log.address, log.block_hash, log.transaction_hash, *log.topics, log.data)
    if "".join([text[:2] for text in texts]) != "0x" * len(texts):
        raise Unreadable("hex begins with 0x")
    read = unhexlify("".join([text[2:] for text in texts]))
    data_at = 84 + 32 * len(log.topics)
    return RawLog(
        Address(read[:20]),
        tuple([read[at : at + 32] for at in range(84, data_at, 32)]),
        read[data_at:],
        BlockNumber(_quantity(log.block_number)),
        Hash32(read[20:52]),
        Hash32(read[52:84]),
        _quantity(log.log_index),
    )


def _bytes(text: str) -> bytes:
    if text[:2] != "0x":
        raise Unreadable("hex begins with 0x")
    return unhexlify(text[2:])  # stricter than bytes.fromhex, which skips spaces


@lru_cache(4096)
def _quantity(text: str) -> int:
    # Remembered, since many logs stand in one block, and at the same few places of their blocks.
    # int() alone would take signs, underscores, spaces and the digits of other scripts.
    if text[:2] != "0x" or not text.isalnum() or not text.isascii():
        raise Unreadable("a number begins with 0x")
    value = int(text, 16)
    if value > _LARGEST:
        raise Unreadable("a number is too large")
    return value


def _topic(topic: bytes | Sequence[bytes] | None) -> str | list[str] | None:
    if topic is None or isinstance(topic, bytes):
        return None if topic is None else to_hex(topic)
    return [to_hex(one) for one in topic]


def _matches(topics: tuple[bytes, ...], place: int, wanted: bytes | Sequence[bytes] | None) -> bool:
    if wanted is None:
        return True
    allowed = (wanted,) if isinstance(wanted, bytes) else wanted
    return place < len(topics) and topics[place] in allowed
