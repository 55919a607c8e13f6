"""A transfer as a pure function of the events known of it.

The record is folded from a *set* of event records, so neither order nor repetition nor the chain that spoke first can
matter (promise 4). What a change of that set means for deadlines and alerts is decided in `leg_effects`.
"""

from collections.abc import Iterable
from enum import Enum, StrEnum

from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.events import (
    EXECUTED,
    XCALLED,
    Address,
    BlockRef,
    DomainId,
    EventKind,
    Executed,
    Hash32,
    PackedEvent,
    Reconciled,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.payload import unpack
from connext_monitor.core.structs import struct


class Status(StrEnum):
    """How far a transfer has come; ``Unknown`` while its origin has not been seen."""

    UNKNOWN = "Unknown"
    XCALLED = "XCalled"
    EXECUTED = "Executed"
    RECONCILED = "Reconciled"
    COMPLETED_FAST = "CompletedFast"
    COMPLETED_SLOW = "CompletedSlow"


UNFINISHED = frozenset({Status.UNKNOWN, Status.XCALLED, Status.EXECUTED, Status.RECONCILED})
"""Those from which something is still to come."""


class Path(StrEnum):
    """Fast: routers fronted the funds. Slow: the recipient waited for the proven message."""

    FAST = "fast"
    SLOW = "slow"


@struct(frozen=True, slots=True)
class Sighting:
    """Where an event stands."""

    block: BlockRef
    tx_hash: Hash32
    log_index: int


Identity = tuple[DomainId, EventKind, TransferId, Hash32]


@struct(frozen=True, slots=True)
class EventRecord:
    """One event seen on one chain at one place.

    (chain, kind, transfer id) names an event; after a reorg the same event may stand in two places until one of them
    is proven gone, so the block hash belongs to the record's identity.
    """

    domain: DomainId
    event: TransferEvent
    sighting: Sighting

    @property
    def kind(self) -> EventKind:
        """Which of the three events this is."""
        return self.event.kind

    @property
    def identity(self) -> Identity:
        """What makes two records the same one."""
        event = self.event
        return (self.domain, event.kind, event.transfer_id, self.sighting.block.hash)

    @property
    def whole(self) -> "EventRecord":
        """Itself."""
        return self


@struct(frozen=True, slots=True)
class PackedRecord:
    """The same with its event as it is stored."""

    domain: DomainId
    event: PackedEvent
    sighting: Sighting

    @property
    def kind(self) -> EventKind:
        """Which of the three events this is."""
        return self.event.kind

    @property
    def whole(self) -> EventRecord:
        """The record with its event taken apart."""
        event = self.event
        return EventRecord(self.domain, unpack(event.kind, event.transfer_id, event.payload), self.sighting)


SeenRecord = EventRecord | PackedRecord


@struct(frozen=True, slots=True)
class Transfer:
    """One transfer, as far as it is known.

    ``info`` is None while only Reconciled has been seen; ``asset`` and ``amount`` (base units of the asset that the
    user gave) are None until XCalled has been; ``routers`` are those that fronted the funds.
    """

    transfer_id: TransferId
    origin: DomainId
    destination: DomainId
    info: TransferInfo | None
    asset: Address | None
    amount: int | None
    routers: tuple[Address, ...]
    xcalled: Sighting | None
    executed: Sighting | None
    reconciled: Sighting | None

    @property
    def path(self) -> Path | None:
        """Known once executed: the fast path names its routers, the slow path has none."""
        if self.executed is None:
            return None
        return Path.FAST if self.routers else Path.SLOW

    @property
    def status(self) -> Status:
        """How far it has come."""
        return status_of(self.xcalled, self.executed, self.reconciled, fronted=bool(self.routers))

    @property
    def started_at(self) -> int:
        """Unix seconds of XCalled, or of the earliest leg while the origin has not been seen."""
        if self.xcalled is not None:
            return self.xcalled.block.timestamp
        return min(s.block.timestamp for s in (self.executed, self.reconciled) if s is not None)


def status_of(xcalled: object, executed: object, reconciled: object, *, fronted: bool) -> Status:
    """How far a transfer has come of which these events were seen, and the others are None."""
    if xcalled is None:
        return Status.UNKNOWN
    if executed is not None and reconciled is not None:
        return Status.COMPLETED_FAST if fronted else Status.COMPLETED_SLOW
    if executed is not None:
        return Status.EXECUTED
    return Status.RECONCILED if reconciled is not None else Status.XCALLED


def wrong_chain(event: TransferEvent | PackedEvent, domain: DomainId) -> str | None:
    """Why this event cannot stand on a chain, or None where it can."""
    if event.kind is XCALLED:
        if event.origin != domain:
            return f"XCalled names origin domain {event.origin} but stands on domain {domain}"
    elif event.kind is EXECUTED:
        if event.destination != domain:
            return f"Executed names destination domain {event.destination} but stands on domain {domain}"
    elif event.origin == domain:
        return f"Reconciled names its own domain {domain} as origin"
    return None


def fold(records: Iterable[EventRecord]) -> Transfer | None:
    """The transfer that this set of records of one transfer id amounts to; None where none of them counts.

    1. An event that stands in several places (a reorg not yet settled) counts once: the lowest place is taken.
    2. The parameters are XCalled's or Executed's; both hash to the same id, so they are the same.
    3. An event on a chain that it cannot stand on does not count; nor, where the parameters are known, does a leg on
       any chain other than the destination.
    """
    ordered = [record for record in records if wrong_chain(record.event, record.domain) is None]
    if len(ordered) > 1:
        ordered.sort(key=_sort_key)
    if not ordered:
        return None
    info = _info(ordered)
    origin = info.origin_domain if info else _reconciled_origin(ordered[0])
    destination = info.destination_domain if info else ordered[0].domain
    asset = amount = xcalled = executed = reconciled = None
    routers: tuple[Address, ...] = ()
    for record in ordered:
        event = record.event
        if isinstance(event, XCalled):
            if xcalled is None:
                xcalled, asset, amount = record.sighting, event.asset, event.amount
        elif record.domain != destination:
            continue
        elif isinstance(event, Executed):
            if executed is None:
                executed, routers = record.sighting, event.routers
        elif reconciled is None:
            reconciled = record.sighting
    return Transfer(
        ordered[0].event.transfer_id, origin, destination, info, asset, amount, routers, xcalled, executed, reconciled
    )


class Provenance(Enum):
    """How something was seen."""

    PUSHED = "some logs of a block came by themselves"
    COVERED = "all logs of a range were read by whoever watches the chain"
    HISTORY = "all logs of a range from before the watch were read"


@struct(frozen=True, slots=True)
class ObservedChange:
    """What one observation adds and takes away: events seen, and blocks proven gone as (chain, block hash).

    ``bridge`` are the events besides transfers that were seen, ``provenance`` how.
    """

    seen: tuple[SeenRecord, ...] = ()
    gone: frozenset[tuple[DomainId, Hash32]] = frozenset()
    bridge: tuple[BridgeRecord, ...] = ()
    provenance: Provenance = Provenance.PUSHED


Records = dict[TransferId, dict[Identity, EventRecord]]
"""Event records by their identity, by transfer."""


def by_transfer(records: Iterable[EventRecord]) -> Records:
    """These records, by transfer."""
    together: Records = {}
    for record in records:
        together.setdefault(record.event.transfer_id, {})[record.identity] = record
    return together


def merge(before: Records, changes: Iterable[ObservedChange]) -> Records:
    """The records, after the changes in their order, of every transfer that had any before or was seen.

    A transfer whose records are all gone stays in the result without any.
    """
    together = {transfer_id: dict(of_id) for transfer_id, of_id in before.items()}
    for change in changes:
        if change.gone:
            for of_id in together.values():
                for record in [r for r in of_id.values() if (r.domain, r.sighting.block.hash) in change.gone]:
                    del of_id[record.identity]
        for seen in change.seen:
            record = seen.whole
            together.setdefault(record.event.transfer_id, {}).setdefault(record.identity, record)
    return together


def _sort_key(record: EventRecord) -> tuple[int, bytes, int, int]:
    block = record.sighting.block
    return (block.number, block.hash, record.sighting.log_index, record.domain)


def _info(ordered: Iterable[EventRecord]) -> TransferInfo | None:
    for record in ordered:
        if not isinstance(record.event, Reconciled):
            return record.event.params
    return None


def _reconciled_origin(record: EventRecord) -> DomainId:
    # Without parameters every record of the set is a Reconciled.
    if not isinstance(record.event, Reconciled):
        raise TypeError(f"a {record.kind} carries its parameters")
    return record.event.origin_domain
