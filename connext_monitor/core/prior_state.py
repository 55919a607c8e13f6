"""What is stored of all that a batch of observations touches, read in the transaction that commits it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.bridge_records import StoredBridgeRecord
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32, TransferId
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import EventRecord
from connext_monitor.core.transfer_summary import TransferSummary


@struct(frozen=True, slots=True)
class FalseDelivery:
    """Where a delivery stands that is not that of the transfer whose id it claims."""

    transfer_id: TransferId
    domain: DomainId
    block_hash: Hash32
    block_number: BlockNumber


@struct(frozen=True, slots=True)
class FalseDeliveryChanges:
    """The false deliveries that a batch showed, and those that a reorg took back; one can be both."""

    seen: tuple[FalseDelivery, ...] = ()
    taken_back: tuple[FalseDelivery, ...] = ()


NO_FALSE_DELIVERIES = FalseDeliveryChanges()


ReadEvents = Callable[[Collection[TransferId]], Sequence[EventRecord]]
"""The events of these transfers, as the transaction sees them."""


def _no_events(_: Collection[TransferId]) -> Sequence[EventRecord]:
    return ()


@struct(frozen=True, slots=True)
class PriorState:
    """What the store holds.

    ``transfers`` are those that the batch touches, ``pruned`` those of them that are kept no longer; ``events`` reads
    the events of some of them. ``false_deliveries`` are those in a block that is gone, and every other one that claims
    the same transfer. ``chain_alerts`` are the open alerts about chains that reading them ends; ``history`` are the
    blocks that backfills have read of the chains that these name. ``bridge`` are the events besides transfers in the
    blocks that the batch touches.
    """

    transfers: Mapping[TransferId, TransferSummary] = field(default_factory=dict)
    events: ReadEvents = _no_events
    pruned: frozenset[TransferId] = frozenset()
    false_deliveries: Collection[FalseDelivery] = ()
    chain_alerts: Sequence[Alert] = ()
    history: Mapping[DomainId, Sequence[BlockRange]] = field(default_factory=dict)
    bridge: Collection[StoredBridgeRecord] = ()
