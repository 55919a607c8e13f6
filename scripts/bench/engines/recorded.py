"""`Store.record` alone: a made-up history in large commits, and then single logs; nothing is fetched or decoded."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp
from connext_monitor.core.recording import record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.store import Store
from connext_monitor.store.turn import WriteTurn
from scripts.bench.compare.in_tree import Spent
from scripts.bench.made_up_bridge import DOMAINS, GENESIS_TIME, Bridge, block_hash, xcalled

_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOGS_PER_BLOCK = 100
LIVE = 300
"""Single logs, each a commit."""


def batches(bridge: Bridge, blocks: int) -> Iterator[Batch]:
    """The history in commits of so many blocks with logs, the chains by turns."""
    by_chain = [_of_chain(bridge, chain, blocks) for chain in (0, 1)]
    for of_both in zip_longest(*by_chain):
        yield from filter(None, of_both)


def _of_chain(bridge: Bridge, chain: int, blocks: int) -> Iterator[Batch]:
    numbers = bridge.blocks_with_logs(1, bridge.head(chain))
    since: Coverage | None = None
    for start in range(0, len(numbers), blocks):
        part = numbers[start : start + blocks]
        seen = [record for number in part for record in _seen_in(bridge, chain, number)]
        block = _block(chain, part[-1])
        coverage = Coverage(BlockNumber(0), block.number, block)
        progress = ChainProgress(
            DOMAINS[chain], coverage, 0, bridge.nonce_after(block.number), anchor=block, since=since
        )
        since = coverage
        yield Batch([ObservedChange(seen=tuple(seen))], [progress])


def _seen_in(bridge: Bridge, chain: int, number: int) -> Iterator[EventRecord]:
    block = _block(chain, number)
    for index, event in enumerate(bridge.events_in(chain, number)):
        tx_hash = sha256(b"%d %d %d" % (chain, number, index)).digest()
        yield EventRecord(DOMAINS[chain], event, Sighting(block, Hash32(tx_hash), index))


def _block(chain: int, number: int) -> BlockRef:
    return BlockRef(BlockNumber(number), block_hash(chain, number), Timestamp(GENESIS_TIME + number))


async def play(
    where: Path | DatabaseUrl, turn: WriteTurn | None, bridge: Bridge, blocks: int, live: int = LIVE
) -> dict[str, Any]:
    """Record it all, and so many single logs behind it, which the figures' ``delays`` are of."""
    made, after = list(batches(bridge, blocks)), bridge.transfers
    store = await Store.open(where, {}, turn=turn)
    try:
        spent = Spent()
        for batch in made:
            await _record(store, batch)
        figures = spent.figures([])
        for nonce in range(after, after + live):
            event = EventRecord(DOMAINS[0], xcalled(nonce), Sighting(_block(0, 10**8 + nonce), Hash32(bytes(32)), 0))
            at = time.perf_counter()
            await _record(store, Batch([ObservedChange(seen=(event,))], ()))
            figures["delays"].append(time.perf_counter() - at)
    finally:
        await store.close()
    return figures


async def _record(store: Store, batch: Batch) -> None:
    decide = partial(record, batch=batch, at=_NOW, durations=_durations, name=str)
    await store.record(batch, decide, lambda _alert: (), _NOW)


def _durations(_origin: DomainId, _destination: DomainId) -> Durations:
    return Durations(300, 10_800)
