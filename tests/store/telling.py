"""Telling a store what chains showed, the way the transfer checker does it, and looking at all that it then holds."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connext_monitor.core.alert import Alert, overdue
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId
from connext_monitor.core.recording import ChainProgress, Changes, PathwayDurations, UnreadableLog, gone_blocks, record
from connext_monitor.core.selection import Watched
from connext_monitor.core.transfer import EventRecord, Step
from connext_monitor.store.store import Store
from tests.core.histories import touched
from tests.core.made_up import DESTINATION, ORIGIN, durations

NAMES = {ORIGIN: "here", DESTINATION: "there"}
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PROVIDERS = ("desk", "ops")


async def tell(
    store: Store,
    *batch: Step,
    progress: Sequence[ChainProgress] = (),
    unreadable: Sequence[UnreadableLog] = (),
    config: PathwayDurations = durations,
    at: datetime = AT,
) -> tuple[Changes, list[str]]:
    """Record one batch of steps."""
    return await store.record(
        touched(batch),
        gone_blocks(batch),
        lambda known: record(known, batch, config),
        progress=progress,
        unreadable=unreadable,
        at=at,
    )


async def tell_seen(store: Store, *records: EventRecord) -> None:
    """Record events as seen in one batch."""
    await tell(store, Step(records))


def gone(*records: EventRecord) -> Step:
    """The blocks of these events are gone."""
    return Step(gone=frozenset((r.domain, r.sighting.block.hash) for r in records))


def accusing(transfer_id: TransferId, leg: Leg, at: datetime = AT) -> Callable[[Watched | None], Alert | None]:
    """A decision to call the leg overdue if the transfer has a deadline."""

    def decide(watched: Watched | None) -> Alert | None:
        if watched is None or watched.due is None:
            return None
        return overdue(transfer_id, leg, watched.due.of(leg), at)

    return decide


async def accuse(
    store: Store, transfer_id: TransferId, leg: Leg, providers: Sequence[str] = PROVIDERS, at: datetime = AT
) -> Alert | None:
    """Open the leg's overdue alert."""
    return await store.open_overdue(transfer_id, accusing(transfer_id, leg, at), lambda _alert: providers)


def contents(database: Path) -> list[str]:
    """Everything in the file, in SQL, as another program reads it."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())
