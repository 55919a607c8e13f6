"""The rows of events, and the records that they hold."""

from collections.abc import Mapping

from sqlalchemy import insert, select

from connext_monitor.core.events import BlockRef, TransferId
from connext_monitor.core.payload import pack, unpack
from connext_monitor.core.transfer import EventRecord, PackedRecord, SeenRecord, Sighting
from connext_monitor.store.bulk import InsertMany, SelectIn, ending_all
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import KINDS, NUMBERS
from connext_monitor.store.schema import events

EventRow = tuple[object, ...]
"""The values of `_COLUMNS`."""

TX_START = 8
"""Bytes of a transaction's hash in the index."""
_COLUMNS = (
    events.c.transfer, events.c.kind, events.c.domain, events.c.block_number, events.c.block_hash, events.c.block_at,
    events.c.tx_hash, events.c.log_index, events.c.payload,
)  # fmt: skip
_SELECT = SelectIn(lambda: select(*_COLUMNS), events.c.transfer)
# An event that is stored already is none to insert: who inserts has looked, and what is there after all is a mistake
# that must not pass as done.
_INSERT = InsertMany(lambda: ending_all(insert(events)), (*_COLUMNS, events.c.tx_start))


def of_transfers(connection: Connection, transfer_ids: Mapping[int, TransferId]) -> list[EventRecord]:
    """The event records of these transfers, whose ids are given by the numbers of their rows."""
    records = []
    for number, kind, domain, block, block_hash, block_at, tx_hash, log_index, payload in _SELECT(
        connection, transfer_ids
    ):
        event = unpack(KINDS[kind], transfer_ids[number], payload)
        records.append(EventRecord(domain, event, Sighting(BlockRef(block, block_hash, block_at), tx_hash, log_index)))
    return records


def add(connection: Connection, numbers: Mapping[TransferId, int], records: tuple[SeenRecord, ...]) -> None:
    """Store new records of transfers with rows of these ``numbers``.

    One whose transfer has none is left out: it stands on a chain that it cannot stand on, and no transfer comes of it.
    Raises sqlite3.IntegrityError where one is stored already.
    """
    values: list[object] = []
    for record in records:
        event, sighting = record.event, record.sighting
        number = numbers.get(event.transfer_id)
        if number is not None:
            block = sighting.block
            payload = record.event.payload if isinstance(record, PackedRecord) else pack(record.event)
            values += (
                number, NUMBERS[event.kind], record.domain, block.number, block.hash, block.timestamp, sighting.tx_hash,
                sighting.log_index, payload, sighting.tx_hash[:TX_START],
            )  # fmt: skip
    _INSERT(connection, values)
