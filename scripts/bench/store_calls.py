"""What calls of the store cost: ``python -m scripts.bench.store_calls [--calls N]``.

Microseconds of processor time for a call, run where it is made, on a database with a few hundred transfers: the median
of five rounds. A call is a whole transaction; what SQLite itself takes is in it.
"""

import asyncio
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import BlockRange, Coverage
from connext_monitor.core.deadline import Durations, Leg
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp, TransferEvent
from connext_monitor.core.recording import record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from scripts.bench.made_up_bridge import DOMAINS, GENESIS_TIME, executed, overdue, xcalled

_TRANSFERS = 300
_LATE = 9
_ROUNDS = 5
_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

Call = Callable[[], Awaitable[object]]


async def measure(calls: int, folder: Path | None) -> dict[str, float]:
    """By name, the microseconds of a call."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        store = await Store.open(Path(own) / "bench.db", {}, executor=Inline)
        try:
            await _fill(store)
            return {name: await _cost(call, calls) for name, call in _calls(store).items()}
        finally:
            await store.close()


async def _fill(store: Store) -> None:
    """Transfers of which all but the last few were executed, and these have open alerts."""
    called = [_seen(0, xcalled(nonce), 10 + nonce) for nonce in range(_TRANSFERS)]
    await _record(store, called, [_progress(0, 400)])
    await _record(store, [_seen(1, executed(nonce), 500 + nonce) for nonce in range(_TRANSFERS - _LATE)], [])
    for late in called[-_LATE:]:
        transfer_id = late.event.transfer_id
        alert = overdue(transfer_id, Leg.EXECUTE, Timestamp(GENESIS_TIME), _NOW, DOMAINS)
        await store.alerts.open(alert, ["ops"])


def _calls(store: Store) -> dict[str, Call]:
    nonces, heads = count(_TRANSFERS), count(1_000)
    origin, destination = DOMAINS
    known = xcalled(7).transfer_id

    def log_with_progress() -> Awaitable[object]:
        nonce = next(nonces)
        return _record(store, [_seen(0, xcalled(nonce), 10 + nonce)], [_progress(0, next(heads))])

    return {
        "an empty transaction": lambda: store.database.read(lambda _connection: None),
        "record: a log and its chain's progress": log_with_progress,
        "record: progress only": lambda: _record(store, [], [_progress(1, next(heads))]),
        "transfers.by_id": lambda: store.transfers.by_id(known),
        "suspects.suspects": lambda: store.suspects.suspects(origin),
        "chains.stored": lambda: store.chains.stored(destination, BlockRange(BlockNumber(500), BlockNumber(510))),
        "chains.coverage": lambda: store.chains.coverage(origin),
        "chains.nonces": lambda: store.chains.nonces(origin),
        "chains.nonce_hole": lambda: store.chains.nonce_hole(origin),
        "chains.anchors": lambda: store.chains.anchors(origin, 1),
        "silences.standing": store.silences.standing,
        "outbox.next_deliveries": lambda: store.outbox.next_deliveries("ops", 5),
        "deadlines.awaited": lambda: store.deadlines.awaited(Leg.EXECUTE, due_until=2**40, after=None, limit=9),
        "alerts.open_of_kinds": lambda: store.alerts.open_of_kinds([CHAIN_UNOBSERVED]),
        "causes.bids": lambda: store.causes.bids(DOMAINS, 0, 3600),
        "reports.last": lambda: store.reports.last(_NOW.timestamp()),
    }


async def _record(store: Store, seen: Sequence[EventRecord], progress: Sequence[ChainProgress]) -> None:
    batch = Batch([ObservedChange(seen=tuple(seen))] if seen else [], progress)
    decide = partial(record, batch=batch, at=_NOW, durations=_durations, name=str)
    await store.record(batch, decide, lambda _alert: (), _NOW)


def _durations(_origin: DomainId, _destination: DomainId) -> Durations:
    return Durations(300, 10_800)


def _seen(chain: int, event: TransferEvent, number: int) -> EventRecord:
    return EventRecord(DOMAINS[chain], event, Sighting(_block(number), Hash32(bytes(32)), 0))


def _progress(chain: int, number: int) -> ChainProgress:
    block = _block(number)
    return ChainProgress(DOMAINS[chain], Coverage(BlockNumber(0), block.number, block), 0, _TRANSFERS, anchor=block)


def _block(number: int) -> BlockRef:
    return BlockRef(BlockNumber(number), Hash32(number.to_bytes(32, "big")), Timestamp(GENESIS_TIME + number))


async def _cost(call: Call, calls: int) -> float:
    await call()
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(calls):
            await call()
        rounds.append((time.process_time() - began) / calls * 1e6)
    return statistics.median(rounds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.store_calls", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=200, help="how many of each in a round (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the database is: in memory, no flush is counted")
    options = parser.parse_args(arguments)
    for name, cost in asyncio.run(measure(options.calls, options.folder)).items():
        print(f"{name:42}{cost:8.0f} us")


if __name__ == "__main__":
    main()
