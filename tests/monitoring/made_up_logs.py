"""Logs of transfers that were made up, as the contract would write them."""

from dataclasses import replace

from connext_monitor.core.decoding import encode_event, transfer_id_of
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    Hash32,
    RawLog,
    Timestamp,
    TransferInfo,
    XCalled,
)
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.observation import Observation

ORIGIN, DESTINATION = DomainId(1001), DomainId(1002)


TIME = Timestamp(1_000_000)


BLOCK = BlockRef(BlockNumber(7), Hash32(b"\7" * 32), TIME)


def xcalled_raw(nonce: int, *, origin: DomainId = ORIGIN) -> RawLog:
    info = TransferInfo(
        origin, DESTINATION, ORIGIN, Address(b"\1" * 20), Address(b"\2" * 20), False, b"", 30,
        Address(b"\3" * 20), 5, 5, nonce, bytes(32),
    )  # fmt: skip
    token = Address(b"\4" * 20)
    event = XCalled(transfer_id_of(info), nonce, Hash32(bytes(32)), info, token, 5, token, b"")
    topics, data = encode_event(event)
    return RawLog(Address(b"\x11" * 20), topics, data, BLOCK.number, BLOCK.hash, Hash32(bytes(32)), nonce)


def xcalled_log(nonce: int, *, origin: DomainId = ORIGIN) -> DecodedLog:
    return decode_log(ORIGIN, xcalled_raw(nonce, origin=origin), BLOCK)


def seen_in(number: BlockNumber, block_hash: Hash32, nonce: int = 1) -> Observation:
    """A log of a transfer was pushed, which stands in this block."""
    raw = replace(xcalled_raw(nonce), block_number=number, block_hash=block_hash)
    return Observation(ORIGIN, [decode_log(ORIGIN, raw, BlockRef(number, block_hash, TIME))])
