"""What is stored when a simulated run ends, read past the monitor's own queries."""

import re
from collections.abc import Iterator

from tests.simulation.disk import Disk
from tests.simulation.trace import BridgeSighting, ChainRecord, Sighting, TransferRecord
from tests.simulation.world_truth import chain_name

_TRANSFERS = "SELECT transfer_id, status, origin, destination, nonce FROM transfers ORDER BY id"
_CHAINS = "SELECT domain, start_block, checkpoint, covered_number, first_nonce, contiguous_nonce FROM chains"
_EVENTS = """SELECT transfer_id, kind, domain, block_number, block_hash, tx_hash, block_at
FROM events JOIN transfers ON transfers.id = events.transfer ORDER BY block_number DESC, log_index DESC"""
_KINDS = {1: "xcalled", 2: "executed", 3: "reconciled"}


def transfer_records(disk: Disk) -> Iterator[TransferRecord]:
    """All transfers."""
    events: dict[tuple[bytes, str], Sighting] = {}
    for transfer_id, kind, _, number, block_hash, tx_hash, at in disk.read(_EVENTS):
        events[transfer_id, _KINDS[kind]] = Sighting(number, _hex(block_hash), _hex(tx_hash), at)
    for transfer_id, status, origin, destination, nonce in disk.read(_TRANSFERS):
        yield TransferRecord(
            transfer_id=_hex(transfer_id),
            status=status,
            origin=origin,
            destination=destination,
            nonce=nonce,
            xcalled=events.get((transfer_id, "xcalled")),
            executed=events.get((transfer_id, "executed")),
            reconciled=events.get((transfer_id, "reconciled")),
        )


def chain_records(disk: Disk) -> Iterator[ChainRecord]:
    """All chains."""
    rows = disk.read(
        "SELECT domain, start_block, checkpoint, covered_number, first_nonce, contiguous_nonce FROM chains"
    )
    for domain, *values in sorted(rows):
        start, checkpoint, covered, first, contiguous = values
        yield ChainRecord(
            name=chain_name(domain),
            start=start,
            checkpoint=checkpoint,
            covered=covered,
            first_nonce=first,
            contiguous=contiguous,
        )


def waiting(disk: Disk) -> Iterator[tuple[str, str]]:
    """Channel and alert of all that is still to be sent."""
    yield from disk.read("SELECT provider, alert_id FROM deliveries WHERE pending ORDER BY id")


def bridge(disk: Disk) -> Iterator[BridgeSighting]:
    """All that diamonds are recorded to have said besides transfers."""
    rows = disk.read("SELECT domain, kind, block_hash, tx_hash FROM bridge_events ORDER BY id")
    for domain, kind, block_hash, tx_hash in rows:
        yield BridgeSighting(chain_name(domain), kind, _hex(block_hash), _hex(tx_hash))


def unreadable(disk: Disk) -> Iterator[str]:
    """The transactions of all logs that are kept because they could not be decoded."""
    for (raw,) in disk.read("SELECT raw FROM malformed_logs ORDER BY id"):
        yield from re.findall(r" tx (0x[0-9a-f]{64}) ", bytes(raw).decode())


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"
