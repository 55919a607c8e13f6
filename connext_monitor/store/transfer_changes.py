"""What is stored of the transfers that a batch touches, and what the batch changes of it.

Both are one transaction, in which nobody else writes: what was read of a transfer decides how its change is stored.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import delete, func, insert, select, tuple_

from connext_monitor.core.events import EXECUTED, DomainId, Hash32, TransferId
from connext_monitor.core.prior_state import ReadEvents
from connext_monitor.core.recording import Changes
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import EventRecord, Status
from connext_monitor.core.transfer_summary import TransferSummary
from connext_monitor.store import event_records, owed
from connext_monitor.store.bulk import InsertMany, SelectIn, UpdateMany, ending_all, parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import NUMBERS
from connext_monitor.store.prepared import Prepared, list_parameter
from connext_monitor.store.schema import events, transfers

_T = transfers.c
_COLUMNS = (
    _T.origin, _T.destination, _T.nonce, _T.started_at, _T.xcalled_at, _T.executed_at, _T.reconciled_at,
    _T.execute_due_at, _T.reconcile_due_at, _T.routers, _T.status,
)  # fmt: skip
_SELECT = SelectIn(
    lambda: select(
        _T.id, _T.transfer_id, _T.origin, _T.destination, _T.nonce, _T.xcalled_at, _T.executed_at, _T.reconciled_at,
        _T.execute_due_at, _T.reconcile_due_at, _T.routers,
    ),
    _T.transfer_id,
)  # fmt: skip
_SELECT_IN_BLOCKS = Prepared(
    lambda: (
        select(_T.transfer_id)
        .join(events, events.c.transfer == _T.id)
        .where(tuple_(events.c.domain, events.c.block_hash).in_(list_parameter("blocks")))
    )
)
_HIGHEST_NUMBER = Prepared(lambda: select(func.max(_T.id)))
_INSERT = InsertMany(lambda: ending_all(insert(transfers)), (_T.id, _T.transfer_id, *_COLUMNS))
# An update touches every index that holds one of its columns, whether it changes it or not.
_UPDATE = UpdateMany(_T.id, _COLUMNS)
_UPDATE_EXECUTED = UpdateMany(_T.id, (_T.executed_at, _T.routers, _T.status))
_UPDATE_RECONCILED = UpdateMany(_T.id, (_T.reconciled_at, _T.status))
_DELETE_EVENTS = Prepared(
    lambda: delete(events).where(
        tuple_(events.c.transfer, events.c.kind, events.c.domain, events.c.block_hash).in_(list_parameter("identities"))
    )
)
_DELETE_EVENTS_OF = Prepared(lambda: delete(events).where(events.c.transfer.in_(list_parameter("numbers"))))
_DELETE = Prepared(lambda: delete(transfers).where(_T.id.in_(list_parameter("numbers"))))
# The driver would ask an enumeration's member what it is to be stored as.
_TEXTS = {status: status.value for status in Status}


@struct(frozen=True, slots=True)
class Known:
    """The stored transfers that a batch touches: by their ids, the numbers of their rows, and what these say.

    ``unknown`` are the ids of those that are not stored.
    """

    numbers: Mapping[TransferId, int]
    transfers: Mapping[TransferId, TransferSummary]
    unknown: frozenset[TransferId]

    def reads_events(self, connection: Connection) -> ReadEvents:
        """Reads the events of some of them while the transaction lasts."""

        def read_events(ids: Collection[TransferId]) -> list[EventRecord]:
            stored = {self.numbers[transfer_id]: transfer_id for transfer_id in ids if transfer_id in self.numbers}
            return event_records.of_transfers(connection, stored) if stored else []

        return read_events


def known(connection: Connection, ids: frozenset[TransferId], gone: Collection[tuple[DomainId, Hash32]]) -> Known:
    """Those with one of these ids, and those with an event in one of the ``gone`` blocks."""
    touched = set(ids)
    for part in parts(gone) if gone else ():
        touched.update(_SELECT_IN_BLOCKS.column(connection, blocks=part))
    numbers: dict[TransferId, int] = {}
    rows: dict[TransferId, TransferSummary] = {}
    for number, transfer_id, *row in _SELECT(connection, touched):
        numbers[transfer_id], rows[transfer_id] = number, TransferSummary(transfer_id, *row)
    return Known(numbers, rows, ids.difference(numbers))


def save(connection: Connection, changes: Changes, stored: Known) -> None:
    """Store what a batch changed of what was ``stored``."""
    numbers = dict(stored.numbers)
    if changes.removed or changes.vanished:
        _forget(connection, numbers, changes)
    _save_transfers(connection, changes.transfers, stored.transfers, numbers)
    event_records.add(connection, numbers, changes.added)
    owed.forget(connection, _executed_otherwise(changes, stored))


def _executed_otherwise(changes: Changes, stored: Known) -> set[int]:
    """The numbers of transfers that were executed before, and of which an Executed is added or taken back."""
    before, numbers = stored.transfers, stored.numbers
    changed = (*changes.added, *changes.removed) if before else ()
    ids = {record.event.transfer_id for record in changed if record.event.kind is EXECUTED}
    return {numbers[i] for i in ids if i in before and before[i].executed_at is not None}


def _forget(connection: Connection, numbers: dict[TransferId, int], changes: Changes) -> None:
    """Forget events that were taken back, and the transfers that nothing is known of any more with their numbers."""
    removed = [
        (numbers[record.event.transfer_id], NUMBERS[record.kind], record.domain, record.sighting.block.hash)
        for record in changes.removed
    ]
    for part in parts(removed):
        _DELETE_EVENTS.execute(connection, identities=part)
    for vanished in parts(numbers[transfer_id] for transfer_id in changes.vanished):
        # It may have events left that do not count, and the number of its row may become another's.
        _DELETE_EVENTS_OF.execute(connection, numbers=vanished)
        _DELETE.execute(connection, numbers=vanished)
    for transfer_id in changes.vanished:
        del numbers[transfer_id]  # an event of it may be added that stands where it does not count


def _save_transfers(
    connection: Connection,
    changed: Iterable[TransferSummary],
    before: Mapping[TransferId, TransferSummary],
    numbers: dict[TransferId, int],
) -> None:
    """Store new transfers, whose numbers are added to ``numbers``, and what has changed of others."""
    new: list[TransferSummary] = []
    executed: list[object] = []
    reconciled: list[object] = []
    otherwise: list[object] = []
    for transfer in changed:
        had = before.get(transfer.transfer_id)
        if had is None:
            new.append(transfer)
            continue
        number = numbers[transfer.transfer_id]
        if not _same_but_for_legs(had, transfer):
            otherwise += (number, *_row(transfer))
        elif had.reconciled_at == transfer.reconciled_at:
            executed += (number, transfer.executed_at, transfer.routers, _TEXTS[transfer.status])
        elif had.executed_at == transfer.executed_at and had.routers == transfer.routers:
            reconciled += (number, transfer.reconciled_at, _TEXTS[transfer.status])
        else:
            otherwise += (number, *_row(transfer))
    if new:
        _insert(connection, new, numbers)
    _UPDATE_EXECUTED(connection, executed)
    _UPDATE_RECONCILED(connection, reconciled)
    _UPDATE(connection, otherwise)


def _insert(connection: Connection, new: list[TransferSummary], numbers: dict[TransferId, int]) -> None:
    values: list[object] = []
    for number, transfer in enumerate(new, (_HIGHEST_NUMBER.value(connection) or 0) + 1):
        numbers[transfer.transfer_id] = number
        values += (number, transfer.transfer_id, *_row(transfer))
    _INSERT(connection, values)


def _same_but_for_legs(had: TransferSummary, has: TransferSummary) -> bool:
    return (
        had.xcalled_at == has.xcalled_at
        and had.started_at == has.started_at
        and had.execute_due_at == has.execute_due_at
        and had.reconcile_due_at == has.reconcile_due_at
        and had.nonce == has.nonce
        and had.origin == has.origin
        and had.destination == has.destination
    )


def _row(transfer: TransferSummary) -> tuple[object, ...]:
    """The values of `_COLUMNS`."""
    return (
        transfer.origin, transfer.destination, transfer.nonce, transfer.started_at, transfer.xcalled_at,
        transfer.executed_at, transfer.reconciled_at, transfer.execute_due_at, transfer.reconcile_due_at,
        transfer.routers, _TEXTS[transfer.status],
    )  # fmt: skip
