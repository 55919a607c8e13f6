"""A log with its block, and the event that it holds."""

from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.bridge_events import BridgeRecord, decode_bridge_event, is_bridge_event
from connext_monitor.core.decoding import MalformedLog, broken_integrity, decode, slim
from connext_monitor.core.events import BlockRef, DomainId, EventLog, RawLog, SeenLog
from connext_monitor.core.mismatch import mismatch
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import EventRecord, PackedRecord, SeenRecord, Sighting, wrong_chain
from connext_monitor.core.usual_logs import usual_event


@struct(frozen=True, slots=True)
class DecodedLog:
    """A log as it was read, its block, and the event that it holds; or why it holds none.

    None is found in a log whose event is stored already, from the same block: it is not read once more.
    """

    log: SeenLog
    block: BlockRef
    content: SeenRecord | BridgeRecord | UnreadableLog | None


def decode_log(domain: DomainId, log: SeenLog, block: BlockRef) -> DecodedLog:
    """Decode a log of this chain's diamond; the ``block``'s time is from its header, never from the log."""
    sighting = Sighting(block, log.tx_hash, log.log_index)
    if isinstance(log, EventLog):
        return DecodedLog(log, block, PackedRecord(domain, log.event, sighting))
    return DecodedLog(log, block, _content(domain, log, sighting))


def _content(domain: DomainId, raw: RawLog, sighting: Sighting) -> SeenRecord | BridgeRecord | UnreadableLog:
    usual = usual_event(raw)
    if usual is not None and wrong_chain(usual, domain) is None:
        return PackedRecord(domain, usual, sighting)
    if is_bridge_event(raw):
        return _beside_transfers(domain, raw, sighting)
    return _content_of_any(domain, raw, sighting)


def _beside_transfers(domain: DomainId, raw: RawLog, sighting: Sighting) -> BridgeRecord | UnreadableLog:
    try:
        return BridgeRecord(domain, decode_bridge_event(raw), sighting.block, raw.tx_hash, raw.log_index)
    except MalformedLog as error:
        return UnreadableLog(domain, _raw_text(raw), str(error), beside=True)


def _content_of_any(domain: DomainId, raw: RawLog, sighting: Sighting) -> EventRecord | UnreadableLog:
    try:
        event = decode(raw)
    except MalformedLog as error:
        return UnreadableLog(domain, _raw_text(raw), str(error))
    record = EventRecord(domain, slim(event), sighting)
    broken = broken_integrity(event, raw)
    wrong = mismatch(event, broken)
    if wrong is not None:
        return UnreadableLog(domain, _raw_text(raw), str(wrong), record, wrong)
    reason = broken or wrong_chain(event, domain)
    return record if reason is None else UnreadableLog(domain, _raw_text(raw), str(reason))


def _raw_text(raw: RawLog) -> bytes:
    topics = " ".join(topic.hex() for topic in raw.topics)
    where = f"block {raw.block_number} 0x{raw.block_hash.hex()} tx 0x{raw.tx_hash.hex()} log {raw.log_index}"
    return f"{where}\naddress 0x{raw.address.hex()}\ntopics {topics}\ndata {raw.data.hex()}".encode()
