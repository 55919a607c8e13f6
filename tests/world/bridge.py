"""What a bridge says besides transfers, made up where a test wants it."""

from typing import Any

from connext_monitor.core.bridge_events import BRIDGE_EVENTS, BridgeRecord, decode_bridge_event
from connext_monitor.core.events import Address, DomainId, Hash32, RawLog
from connext_monitor.core.transfer import ObservedChange, Provenance, Sighting
from tests.world.transfers import ALPHA, sighting

OWNER = Address(b"\x0c" * 20)
CONTRACT = Address(b"\x11" * 20)
TX = Hash32(b"\x0d" * 32)
_VALUES: dict[str, dict[str, Any]] = {
    "RouterAdded": {"router": b"\x0a" * 20, "caller": OWNER},
    "SequencerAdded": {"sequencer": b"\x0b" * 20, "caller": OWNER},
    "OwnershipTransferred": {"previous_owner": OWNER, "new_owner": b"\x0e" * 20},
    "RouterLiquidityAdded": {
        "router": b"\x0a" * 20, "local": b"\x08" * 20, "key": b"\x04" * 32, "amount": 7, "caller": OWNER,
    },
    "DiamondCut": {"cuts": [(b"\x0f" * 20, 0, [b"\1\2\3\4"])], "init": bytes(20), "init_bytes": b""},
}  # fmt: skip


def bridge_log(kind: str, at: Sighting, tx_hash: Hash32 = TX, log_index: int = 0, **values: Any) -> RawLog:
    """A log of this kind, in this block."""
    topics, data = BRIDGE_EVENTS[kind].encode(**(_VALUES.get(kind, {}) | values))
    return RawLog(CONTRACT, topics, data, at.block.number, at.block.hash, tx_hash, log_index)


def bridge_record(
    kind: str,
    at: Sighting | int = 10,
    *,
    tx_hash: Hash32 = TX,
    log_index: int = 0,
    ordinal: int = 0,
    domain: DomainId = ALPHA,
    **values: Any,
) -> BridgeRecord:
    """The same as it is recorded; ``at`` is a block, or its height."""
    stands = sighting(at) if isinstance(at, int) else at
    event = decode_bridge_event(bridge_log(kind, stands, tx_hash, log_index, **values))
    return BridgeRecord(domain, event, stands.block, tx_hash, log_index, ordinal)


def read_in(provenance: Provenance, *records: BridgeRecord) -> ObservedChange:
    """They were seen so."""
    return ObservedChange(bridge=records, provenance=provenance)


def block_gone(record: BridgeRecord) -> ObservedChange:
    """The block in which it stands is gone."""
    return ObservedChange(gone=frozenset({(record.domain, record.block.hash)}))
