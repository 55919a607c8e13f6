"""Blocks and logs, read from what endpoints write, and not believed.

Fields that are not needed are not looked at; chains add their own, and some fill the common ones oddly.
"""

from binascii import unhexlify
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from struct import Struct
from typing import Final, TypeVar, overload

import msgspec

from connext_monitor.core.events import BlockNumber, Hash32, RawLog, SeenLog, Timestamp
from connext_monitor.monitoring.chain_data import Header, LogFilter, MalformedEntry, PushedLog
from connext_monitor.monitoring.json_rpc import DECODE_ERRORS
from connext_monitor.monitoring.written_events import WrittenEvents
from connext_monitor.monitoring.written_json import (
    WrittenBlock,
    WrittenLog,
    bytes_of,
    number_of,
    parse_block,
    parse_bytes,
    parse_events,
    parse_log,
    parse_logs,
    parse_quantity,
    plain_block,
    plain_hex,
    plain_log,
)

_LAST_SECOND: Final = 253_402_300_799
"""9999-12-31T23:59:59Z: no calendar here goes further, and no honest block."""
_BLOOM_BYTES: Final = 256
_T = TypeVar("_T")

_SHOWN: Final = 200
"""Characters of a parser's words."""
_KEPT_BYTES: Final = 4096
"""Of an entry that is not what was asked for; a log with some calldata has about two thousand."""
_MOST_COMMAS: Final = 1_000_000
"""In a list of logs, each of which has about a dozen: a bound on what is taken apart entry by entry."""
_BEFORE_DATA: Final = [
    (code.size, code.unpack_from) for code in (Struct("20s 32s 32s" + " 32s" * topics) for topics in range(5))
]
"""By their number of topics: where a log's data begins, and what takes apart the address, the hashes and the topics."""
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Unreadable(ValueError):
    """A block, a list of logs or a value is not what it should be; the words say how."""


def read_header(result: msgspec.Raw) -> Header | None:
    """A block; None for null. Raises Unreadable."""
    return _first_that_reads(result, _header, _header_however_written)


def read_quantity(result: msgspec.Raw) -> int:
    """A number up to 2⁶³ - 1. Raises Unreadable."""
    return _first_that_reads(result, lambda raw: number_of(parse_quantity(raw)))


def read_bytes(result: msgspec.Raw) -> bytes:
    """Bytes of any length. Raises Unreadable."""
    return _first_that_reads(result, lambda raw: bytes_of(parse_bytes(raw)))


def _first_that_reads(raw: msgspec.Raw, *readers: Callable[[msgspec.Raw], _T]) -> _T:
    why = ""
    for read in readers:
        try:
            return read(raw)
        except DECODE_ERRORS as error:
            why = str(error)[:_SHOWN]
    # Raised here, without the error as its context: that one's frames hold what the endpoint wrote, a key perhaps.
    raise Unreadable(why)


@overload
def read_logs(result: msgspec.Raw, log_filter: LogFilter) -> Iterator[RawLog | MalformedEntry]: ...


@overload
def read_logs(
    result: msgspec.Raw, log_filter: LogFilter, events: WrittenEvents
) -> Iterator[SeenLog | MalformedEntry]: ...


def read_logs(
    result: msgspec.Raw, log_filter: LogFilter, events: WrittenEvents | None = None
) -> Iterator[SeenLog | MalformedEntry]:
    """A list of logs, each as `read_log` reads it; null means none. Raises Unreadable at once where it is not a list.

    Of those that ``events`` can read only that is kept.
    """
    if bytes(memoryview(result)[:5]) == b"null":
        return iter(())
    try:
        if events is not None:
            return _read_each(result, parse_events(result), events.read, log_filter, events)
        return _read_each(result, parse_logs(result), partial(_asked_for, log_filter), log_filter, None)
    except DECODE_ERRORS:
        # At least one of them is not written as it should be: one by one, so that it takes no other with it.
        return (_event_or_log(read_log(entry, log_filter), events) for entry in _entries(result))


def _read_each(
    result: msgspec.Raw,
    whole: Sequence[_T],
    read: Callable[[_T], SeenLog | None],
    log_filter: LogFilter,
    events: WrittenEvents | None,
) -> Iterator[SeenLog | MalformedEntry]:
    """Each by ``read``, or, where that says nothing of it or raises, the long way."""
    entries: list[msgspec.Raw] = []
    for index, fields in enumerate(whole):
        log: SeenLog | MalformedEntry | None
        try:
            log = read(fields)
        except DECODE_ERRORS:
            log = None
        if log is None:
            entries = entries or _entries(result)
            log = _event_or_log(read_log(entries[index], log_filter), events)
        yield log


def _asked_for(log_filter: LogFilter, fields: WrittenLog) -> RawLog | None:
    log = _raw_log(fields)
    return None if fields.removed or log_filter.why_not(log) is not None else log


def _event_or_log(log: RawLog | MalformedEntry, events: WrittenEvents | None) -> SeenLog | MalformedEntry:
    """The same of a log, however it was written: what two endpoints write differently must not differ here."""
    return log if events is None or isinstance(log, MalformedEntry) else events.read_log(log)


def _entries(result: msgspec.Raw) -> list[msgspec.Raw]:
    if bytes(result).count(b",") > _MOST_COMMAS:
        raise Unreadable("it is far larger than any list of logs")
    return _first_that_reads(result, _ENTRIES.decode)


def read_log(entry: msgspec.Raw, log_filter: LogFilter) -> RawLog | MalformedEntry:
    """One log that stands, if it can be read and is one of those that were asked for."""
    read = read_pushed_log(entry, log_filter)
    if isinstance(read, MalformedEntry):
        return read
    return MalformedEntry(_kept(entry), "it was removed", removed=read.log) if read.removed else read.log


def read_pushed_log(entry: msgspec.Raw, log_filter: LogFilter) -> PushedLog | MalformedEntry:
    """One log of a subscription, if it can be read and is one of those that were asked for."""
    try:
        read = _first_that_reads(entry, _pushed, _pushed_however_written)
    except Unreadable as error:
        return MalformedEntry(_kept(entry), f"it cannot be read: {error}", unreadable=True)
    reason = log_filter.why_not(read.log)
    return read if reason is None else MalformedEntry(_kept(entry), reason)


def _kept(entry: msgspec.Raw) -> bytes:
    return bytes(memoryview(entry)[:_KEPT_BYTES])


def _pushed(entry: msgspec.Raw) -> PushedLog:
    fields = parse_log(entry)
    return PushedLog(_raw_log(fields), fields.removed)


def _pushed_however_written(entry: msgspec.Raw) -> PushedLog:
    fields = plain_log(entry)
    return PushedLog(_raw_log(fields), fields.removed)


def _header(result: msgspec.Raw) -> Header | None:
    block = parse_block(result)
    return None if block is None else _header_of(block)


def _header_however_written(result: msgspec.Raw) -> Header | None:
    block = plain_block(result)
    return None if block is None else _header_of(block)


def _header_of(block: WrittenBlock) -> Header:
    return Header(
        number=BlockNumber(number_of(block.number)),
        hash=Hash32(bytes_of(block.hash)),
        parent_hash=Hash32(bytes_of(block.parent_hash)),
        timestamp=_timestamp(block.timestamp),
        logs_bloom=_bloom(block.logs_bloom),
    )


def _bloom(text: str | None) -> bytes | None:
    try:
        bloom = bytes_of(plain_hex(text or ""))
    except ValueError:
        return None
    return bloom if len(bloom) == _BLOOM_BYTES else None


def _timestamp(text: str) -> Timestamp:
    seconds = number_of(text)
    if seconds > _LAST_SECOND:
        raise Unreadable("a block's time is past the year 9999")
    return Timestamp(seconds)


def _raw_log(log: WrittenLog) -> RawLog:
    # All hex of a log in one go takes half the time of field by field. Their lengths are known, but for the data's:
    # what is left of all together shows whether each began with 0x.
    texts = (log.address, log.block_hash, log.transaction_hash, *log.topics, log.data)
    digits = "".join([text.removeprefix("0x") for text in texts])
    data_at, unpack = _BEFORE_DATA[len(log.topics)]
    if len(digits) != 2 * data_at + len(log.data) - 2:
        raise Unreadable("hex does not begin with 0x")
    read = unhexlify(digits)
    address, block_hash, tx_hash, *topics = unpack(read)
    return RawLog(
        address,
        tuple(topics),
        read[data_at:],
        BlockNumber(number_of(log.block_number)),
        block_hash,
        tx_hash,
        number_of(log.log_index),
    )
