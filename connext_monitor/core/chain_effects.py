"""What has been read of the chains means for alerts: a reorg below finality, lost history, false deliveries."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from connext_monitor.core.alerts.chain_reading import ChainReading
from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG, DeepReorgDetails
from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH, MismatchDetails
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND, StartedBlindDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.batch import Batch, UnreadableLog
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import DomainId, Executed, TransferId
from connext_monitor.core.prior_state import NO_FALSE_DELIVERIES, FalseDelivery, FalseDeliveryChanges, PriorState

NameOfChain = Callable[[DomainId], str]
"""What the alerts about a chain call it."""


def ended_by_reading(prior: PriorState, batch: Batch, name: NameOfChain) -> Iterator[ResolveAlert]:
    """The open alerts about chains that end with what has been read, as their kinds say."""
    whole = {chain.domain for chain in batch.progress if chain.whole}
    domains = {name(domain): domain for domain in {*whole, *(read.domain for read in batch.history)}}
    for alert in prior.chain_alerts:
        domain = domains.get(alert.subject)
        if domain is not None:
            reading = ChainReading(domain in whole, _history(prior, batch, domain))
            resolution = alert.kind.ended_by(alert, reading)
            if resolution is not None:
                yield ResolveAlert.of(alert, resolution)


def _history(prior: PriorState, batch: Batch, domain: DomainId) -> list[BlockRange]:
    return [*prior.history.get(domain, ()), *(read.blocks for read in batch.history if read.domain == domain)]


def opened_by_reading(batch: Batch, name: NameOfChain, at: datetime) -> Iterator[OpenAlert]:
    """The alerts that what has been read calls for.

    1. A block that counted as final was replaced.
    2. A delivery is proven false; of several that claim the same transfer, the first counts.
    3. The next blocks of a chain are not there any more, and it is watched from behind them.
    """
    for chain in batch.progress:
        if chain.replaced is not None:
            details = DeepReorgDetails(block=chain.replaced, checkpoint=chain.coverage.checkpoint)
            yield OpenAlert(DEEP_REORG.open(name(chain.domain), at, details))
    yield from _accusations(batch.unreadable, at)
    for chain in batch.progress:
        if chain.unread is not None:
            lost = StartedBlindDetails(first=chain.unread.first, last=chain.unread.last)
            yield OpenAlert(MONITOR_STARTED_BLIND.open(name(chain.domain), at, lost))


def _accusations(unreadable: Iterable[UnreadableLog], at: datetime) -> Iterator[OpenAlert]:
    accused: set[TransferId] = set()
    for log in unreadable:
        if log.delivery is None or log.mismatch is None or not isinstance(log.delivery.event, Executed):
            continue
        executed, sighting = log.delivery.event, log.delivery.sighting
        if executed.transfer_id not in accused:
            accused.add(executed.transfer_id)
            details = MismatchDetails.of(log.domain, executed, sighting, log.mismatch)
            yield OpenAlert(DELIVERY_MISMATCH.open(executed.transfer_id, at, details))


def false_delivery_changes(prior: PriorState, batch: Batch) -> FalseDeliveryChanges:
    """Which false deliveries were seen, and which stand in blocks that are gone."""
    if not batch.unreadable and not prior.false_deliveries:
        return NO_FALSE_DELIVERIES
    seen = tuple(
        FalseDelivery(record.event.transfer_id, log.domain, record.sighting.block.hash, record.sighting.block.number)
        for log in batch.unreadable
        if (record := log.delivery) is not None
    )
    gone = batch.gone_blocks
    taken_back = tuple(
        delivery for delivery in {*prior.false_deliveries, *seen} if (delivery.domain, delivery.block_hash) in gone
    )
    return FalseDeliveryChanges(seen, taken_back)


def ended_by_reorgs(prior: PriorState, changes: FalseDeliveryChanges) -> Iterator[ResolveAlert]:
    """The alerts about transfers that no false delivery claims any more; one that a reorg moved stands elsewhere."""
    if not changes.taken_back:
        return
    standing = {*prior.false_deliveries, *changes.seen} - {*changes.taken_back}
    claimed = {delivery.transfer_id for delivery in standing}
    for transfer_id in sorted({delivery.transfer_id for delivery in changes.taken_back} - claimed):
        yield ResolveAlert.of_transfer(DELIVERY_MISMATCH, transfer_id, Resolution.REORGED)
