"""How long numbers of many transfers take: ``python -m scripts.bench.statistics [--transfers N] [--database FILE]``.

The database is filled through the store as the transfer checker fills it, unless the file is there already: the
pathways between three chains, a dozen routers, thirty days with latencies spread as on a bridge, and one transfer of a
thousand stuck with its alerts open. Each look is taken in a process of its own: its best run, and the peak memory.
"""

import asyncio
import multiprocessing
import random
import resource
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations, Leg, TransferWithDeadlines
from connext_monitor.core.decoding import transfer_id_of
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    Hash32,
    Timestamp,
    TransferEvent,
    XCalled,
)
from connext_monitor.core.recording import record
from connext_monitor.core.stats import Window, usual_width
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.nouns import Statistics
from connext_monitor.store.store import Store
from scripts.bench.made_up_bridge import block_hash, executed, overdue, reconciled, xcalled

NAMES = {DomainId(1001): "alpha", DomainId(1002): "beta", DomainId(1003): "gamma"}
_DAY = 86_400
_LASTS = 30 * _DAY
_ROUTERS = [Address(bytes([0x40 + number]) * 20) for number in range(12)]
_DURATIONS = Durations(execute=600, reconcile=4 * 3_600)
_STUCK = 1_000
_BATCH = 2_000
_RUNS = 3


async def fill(file: Path, transfers: int, now: int) -> None:
    """Make the database; the transfers end ``now`` (Unix seconds)."""
    store = await Store.open(file, NAMES)
    chance = random.Random(1)  # noqa: S311 - the same every time
    for first in range(0, transfers, _BATCH):
        batch = range(first, min(transfers, first + _BATCH))
        seen = [
            event_record
            for nonce in batch
            for event_record in _transfer(nonce, now - _LASTS + nonce * _LASTS // transfers, chance)
        ]
        happened = [event_record for event_record in seen if event_record.sighting.block.timestamp <= now]
        await _record(store, happened, now)
        await _accuse(store, happened, now)
    await store.close()


def _transfer(nonce: int, began: int, chance: random.Random) -> Iterator[EventRecord]:
    """The events of one transfer, whether they have happened yet or not."""
    origin, destination = chance.sample(list(NAMES), 2)
    info = replace(xcalled(nonce).params, origin_domain=origin, destination_domain=destination)
    of = partial(replace, transfer_id=transfer_id_of(info))
    yield _at(origin, of(xcalled(nonce), params=info), began)
    if nonce % _STUCK:
        fast = chance.random() < 0.9
        back = began + 1_800 + round(chance.expovariate(1 / 4_000))
        paid = began + round(chance.lognormvariate(4.5, 0.8)) if fast else back + 60
        routers = tuple(chance.sample(_ROUTERS, 1 + (nonce % 50 == 0))) if fast else ()
        yield _at(destination, of(executed(nonce), params=info, routers=routers), paid)
        yield _at(destination, of(reconciled(nonce), origin_domain=origin), back)


def _at(domain: DomainId, event: TransferEvent, at: int) -> EventRecord:
    block = BlockRef(BlockNumber(at), block_hash(domain, at), Timestamp(at))
    return EventRecord(domain, event, Sighting(block, Hash32(event.transfer_id), 0))


async def _record(store: Store, seen: Sequence[EventRecord], now: int) -> None:
    end = BlockRef(BlockNumber(now), Hash32(bytes(32)), Timestamp(now))
    covered = [ChainProgress(domain, Coverage(BlockNumber(0), end.number, end)) for domain in NAMES]
    batch, at = Batch([ObservedChange(seen=tuple(seen))], covered), datetime.fromtimestamp(now, UTC)
    decide = partial(record, batch=batch, at=at, durations=lambda *_: _DURATIONS, name=str)
    await store.record(batch, decide, lambda _alert: (), at)


async def _accuse(store: Store, seen: Sequence[EventRecord], now: int) -> None:
    at = datetime.fromtimestamp(now, UTC)
    for event_record in seen:
        if not isinstance(event_record.event, XCalled) or event_record.event.nonce % _STUCK:
            continue
        called = await store.transfers.by_id(event_record.event.transfer_id)
        if called is None or called.due is None:
            continue
        transfer = called.transfer
        for leg in Leg:
            late = overdue(transfer.transfer_id, leg, called.due.of(leg), at, (transfer.origin, transfer.destination))
            if called.due.of(leg) < now:
                await store.alerts.open_decided([(transfer.transfer_id, partial(_same, late))], lambda _alert: ())


def _same(alert: Alert, _watched: TransferWithDeadlines | None) -> Alert:
    return alert


Look = Callable[[Statistics, int], Awaitable[object]]


async def _day(statistics: Statistics, now: int) -> object:
    return await statistics.over(Window(now - _DAY, now))


async def _all(statistics: Statistics, now: int) -> object:
    return await statistics.over(Window(now - _LASTS, now))


async def _day_s_line(statistics: Statistics, now: int) -> object:
    window = Window(now - _DAY, now)
    return await statistics.timeline(window, usual_width(window))


async def _whole_line(statistics: Statistics, now: int) -> object:
    window = Window(now - _LASTS, now)
    return await statistics.timeline(window, usual_width(window))


_LOOKS: Mapping[str, Look] = {
    "a day": _day,
    "a day's timeline": _day_s_line,
    "thirty days": _all,
    "thirty days' timeline": _whole_line,
}


def measure(file: Path, look: str, now: int) -> tuple[float, float, float]:
    """Of the best run the seconds, and those of them that a processor was busy; the peak memory in MB."""
    return asyncio.run(_measure(file, _LOOKS[look], now))


async def _measure(file: Path, look: Look, now: int) -> tuple[float, float, float]:
    store = await Store.open_readonly(file, NAMES)
    took = []
    for _ in range(_RUNS):
        started, busy = time.perf_counter(), time.process_time()
        await look(store.statistics, now)
        took.append((time.perf_counter() - started, time.process_time() - busy))
    await store.close()
    return *min(took), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.statistics", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transfers", type=int, default=1_000_000, help="how many (default: %(default)s)")
    parser.add_argument("--database", type=Path, help="where to keep or find it (default: nowhere)")
    options: Any = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        file = options.database or Path(folder) / "statistics.db"
        if not file.exists():
            started = time.perf_counter()
            asyncio.run(fill(file, options.transfers, int(time.time())))
            print(f"filled in {time.perf_counter() - started:.0f} s, {file.stat().st_size / 2**20:.0f} MB", flush=True)
        now = int(file.stat().st_mtime)
        spawn = multiprocessing.get_context("spawn")
        for look in _LOOKS:
            with ProcessPoolExecutor(1, mp_context=spawn) as process:
                took, busy, peak = process.submit(measure, file, look, now).result()
            print(
                f"{look:24}{took * 1000:10,.0f} ms ({busy * 1000:,.0f} ms busy), peak memory {peak:.0f} MB", flush=True
            )


if __name__ == "__main__":
    main()
