"""What is stored of the transfers that a batch touches, and what the batch changes of it.

Both are one transaction, in which nobody else writes: what was read of a transfer decides how its change is stored.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, tuple_

from connext_monitor.core.deadline import DueDates
from connext_monitor.core.events import DomainId, Hash32, Timestamp, TransferId
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.core.transfer import Sighting, Transfer
from connext_monitor.store import event_records
from connext_monitor.store.bulk import InsertMany, SelectIn, UpdateMany, parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import NUMBERS
from connext_monitor.store.prepared import Prepared, list_parameter
from connext_monitor.store.schema import events, transfers

_T = transfers.c
_COLUMNS = (
    _T.origin, _T.destination, _T.nonce, _T.started_at, _T.xcalled_at, _T.executed_at, _T.reconciled_at,
    _T.execute_due_at, _T.reconcile_due_at, _T.routers,
)  # fmt: skip
_EXECUTED_AT, _RECONCILED_AT, _ROUTERS = (_COLUMNS.index(c) for c in (_T.executed_at, _T.reconciled_at, _T.routers))
_BEGUN, _DUE = slice(0, 5), slice(7, 9)
"""What a leg that arrives leaves alone, in two parts."""

_SELECT = SelectIn(lambda: select(_T.transfer_id, _T.id, *_COLUMNS), _T.transfer_id)
_SELECT_IN_BLOCKS = Prepared(
    lambda: (
        select(_T.transfer_id)
        .join(events, events.c.transfer == _T.id)
        .where(tuple_(events.c.domain, events.c.block_hash).in_(list_parameter("blocks")))
    )
)
_HIGHEST_NUMBER = Prepared(lambda: select(func.max(_T.id)))
_INSERT = InsertMany(lambda: insert(transfers), (_T.id, _T.transfer_id, *_COLUMNS))
# An update touches every index that holds one of its columns, whether it changes it or not.
_UPDATE = UpdateMany(_T.id, _COLUMNS)
_UPDATE_EXECUTED = UpdateMany(_T.id, (_T.executed_at, _T.routers))
_UPDATE_RECONCILED = UpdateMany(_T.id, (_T.reconciled_at,))
_DELETE_EVENTS = Prepared(
    lambda: delete(events).where(
        tuple_(events.c.transfer, events.c.kind, events.c.domain, events.c.block_hash).in_(list_parameter("identities"))
    )
)
_DELETE_EVENTS_OF = Prepared(lambda: delete(events).where(events.c.transfer.in_(list_parameter("numbers"))))
_DELETE = Prepared(lambda: delete(transfers).where(_T.id.in_(list_parameter("numbers"))))

TransferValues = tuple[Any, ...]
"""The values of `_COLUMNS`."""


@dataclass(frozen=True, slots=True)
class Known:
    """The stored transfers that a batch touches: by their ids, the numbers of their rows, and the rows.

    ``unknown`` are the ids of those that are not stored.
    """

    numbers: Mapping[TransferId, int]
    rows: Mapping[TransferId, TransferValues]
    unknown: frozenset[TransferId]


def known(connection: Connection, ids: frozenset[TransferId], gone: Collection[tuple[DomainId, Hash32]]) -> Known:
    """Those with one of these ids, and those with an event in one of the ``gone`` blocks."""
    touched = set(ids)
    for part in parts(gone):
        touched.update(_SELECT_IN_BLOCKS.column(connection, blocks=part))
    numbers: dict[TransferId, int] = {}
    rows: dict[TransferId, TransferValues] = {}
    for transfer_id, number, *row in _SELECT(connection, touched):
        numbers[transfer_id], rows[transfer_id] = number, tuple(row)
    return Known(numbers, rows, ids - numbers.keys())


def prior_state(connection: Connection, stored: Known) -> PriorState:
    """The events and deadlines of these transfers."""
    due: dict[TransferId, DueDates] = {}
    for transfer_id, row in stored.rows.items():
        execute_due_at, reconcile_due_at = row[_DUE]
        if execute_due_at is not None and reconcile_due_at is not None:
            due[transfer_id] = DueDates(Timestamp(execute_due_at), Timestamp(reconcile_due_at))
    ids = {number: transfer_id for transfer_id, number in stored.numbers.items()}
    return PriorState(event_records.of_transfers(connection, ids) if ids else (), due)


def save(connection: Connection, changes: Changes, stored: Known) -> None:
    """Store what a batch changed of what was ``stored``."""
    numbers = dict(stored.numbers)
    _forget(connection, numbers, changes)
    _save_transfers(connection, changes.transfers, stored.rows, numbers)
    event_records.add(connection, numbers, changes.added)


def _forget(connection: Connection, numbers: Mapping[TransferId, int], changes: Changes) -> None:
    """Forget events that were taken back, and the transfers that nothing is known of any more."""
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


def _save_transfers(
    connection: Connection,
    changed: Iterable[tuple[Transfer, DueDates | None]],
    before: Mapping[TransferId, TransferValues],
    numbers: dict[TransferId, int],
) -> None:
    """Store new transfers, whose numbers are added to ``numbers``, and what has changed of others."""
    new: list[tuple[TransferId, TransferValues]] = []
    executed: list[tuple[object, ...]] = []
    reconciled: list[tuple[object, ...]] = []
    otherwise: list[tuple[object, ...]] = []
    for transfer, due in changed:
        transfer_id, row = transfer.transfer_id, _row(transfer, due)
        had = before.get(transfer_id)
        if had is None:
            new.append((transfer_id, row))
        elif had[_BEGUN] != row[_BEGUN] or had[_DUE] != row[_DUE]:
            otherwise.append((numbers[transfer_id], *row))
        elif had[_RECONCILED_AT] == row[_RECONCILED_AT]:
            executed.append((numbers[transfer_id], row[_EXECUTED_AT], row[_ROUTERS]))
        elif had[_EXECUTED_AT] == row[_EXECUTED_AT] and had[_ROUTERS] == row[_ROUTERS]:
            reconciled.append((numbers[transfer_id], row[_RECONCILED_AT]))
        else:
            otherwise.append((numbers[transfer_id], *row))
    if new:
        first = (_HIGHEST_NUMBER.value(connection) or 0) + 1
        numbers.update((transfer_id, number) for number, (transfer_id, _) in enumerate(new, first))
        _INSERT(connection, [(number, transfer_id, *row) for number, (transfer_id, row) in enumerate(new, first)])
    _UPDATE_EXECUTED(connection, executed)
    _UPDATE_RECONCILED(connection, reconciled)
    _UPDATE(connection, otherwise)


def _row(transfer: Transfer, due: DueDates | None) -> TransferValues:
    return (
        transfer.origin, transfer.destination, transfer.info.nonce if transfer.info else None, transfer.started_at,
        _at(transfer.xcalled), _at(transfer.executed), _at(transfer.reconciled),
        due.execute if due else None, due.reconcile if due else None,
        b"".join(transfer.routers) if transfer.executed else None,
    )  # fmt: skip


def _at(sighting: Sighting | None) -> int | None:
    return sighting.block.timestamp if sighting else None
