"""What tests of a store do again and again, as the transfer checker and the scheduler do it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.deadline import Leg
from connext_monitor.core.recording import ChainProgress, Changes, gone_blocks, record
from connext_monitor.core.selection import TransferWithDeadlines
from connext_monitor.core.transfer import EventRecord, ObservedChange
from connext_monitor.store.store import Store
from tests.world.kinds import overdue
from tests.world.transfers import ALPHA, BETA, durations

NAMES = {ALPHA: "alpha", BETA: "beta"}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def put(
    store: Store, *steps: ObservedChange, progress: Sequence[ChainProgress] = (), at: datetime = NOW
) -> tuple[Changes, list[str]]:
    """Record the steps as the transfer checker does."""
    return await store.record(
        {seen.event.transfer_id for step in steps for seen in step.seen},
        gone_blocks(steps),
        lambda known: record(known, steps, durations),
        progress=progress,
        unreadable=(),
        at=at,
    )


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
