"""What tests of a store do again and again, as the transfer checker and the scheduler do it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.batch import Batch, ChainProgress, UnreadableLog
from connext_monitor.core.deadline import Leg, PathwayDurations, TransferWithDeadlines
from connext_monitor.core.events import DomainId
from connext_monitor.core.history import HistoryRead
from connext_monitor.core.recording import Changes, record
from connext_monitor.core.transfer import EventRecord, ObservedChange
from connext_monitor.store.store import Store
from tests.world import transfers
from tests.world.kinds import overdue
from tests.world.transfers import ALPHA, BETA

NAMES = {ALPHA: "alpha", BETA: "beta"}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def commit(
    store: Store,
    *changes: ObservedChange,
    progress: Sequence[ChainProgress] = (),
    unreadable: Sequence[UnreadableLog] = (),
    history: Sequence[HistoryRead] = (),
    durations: PathwayDurations = transfers.durations,
    providers: Collection[str] = (),
    at: datetime = NOW,
) -> tuple[Changes, list[str]]:
    """Record a batch as the transfer checker does; what it changed, and the alerts that opened or ended."""
    batch = Batch(changes, progress, unreadable, history)
    decide = partial(record, batch=batch, at=at, durations=durations, name=chain_name)
    return await store.record(batch, decide, lambda _alert: providers, at)


def chain_name(domain: DomainId) -> str:
    return NAMES.get(domain, f"domain {domain}")


async def put(
    store: Store, *changes: ObservedChange, progress: Sequence[ChainProgress] = (), at: datetime = NOW
) -> tuple[Changes, list[str]]:
    """Record what was seen or is gone."""
    return await commit(store, *changes, progress=progress, at=at)


def seen(*records: EventRecord) -> ObservedChange:
    return ObservedChange(seen=records)


def gone(lost: EventRecord) -> ObservedChange:
    return ObservedChange(gone=frozenset({(lost.domain, lost.sighting.block.hash)}))


async def accuse(store: Store, accused: EventRecord, *providers: str, leg: Leg = Leg.EXECUTE) -> Alert | None:
    """Open the leg's overdue alert as the scheduler does."""

    def decide(watched: TransferWithDeadlines | None) -> Alert | None:
        return overdue(accused.event.transfer_id, leg, 1, NOW) if watched else None

    opened = await store.alerts.open_decided([(accused.event.transfer_id, decide)], lambda _alert: providers)
    return opened[0] if opened else None
