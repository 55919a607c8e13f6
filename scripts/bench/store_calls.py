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
from itertools import count
from pathlib import Path

from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import BlockRange, Coverage
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from tests.world.recording import NAMES, NOW, accuse, commit, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

_TRANSFERS = 300
_ROUNDS = 5

Call = Callable[[], Awaitable[object]]


async def measure(calls: int, folder: Path | None) -> dict[str, float]:
    """By name, the microseconds of a call."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        store = await Store.open(Path(own) / "bench.db", NAMES, executor=Inline)
        try:
            called = [xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(_TRANSFERS)]
            await put(store, seen(*called), progress=[_progress(ALPHA, 400)])
            await put(store, seen(*(executed(info(nonce), sighting(500 + nonce)) for nonce in range(_TRANSFERS - 9))))
            for late in called[-9:]:
                await accuse(store, late, "ops")
            return {name: await _cost(call, calls) for name, call in _calls(store).items()}
        finally:
            await store.close()


def _calls(store: Store) -> dict[str, Call]:
    nonces, heads = count(_TRANSFERS), count(1_000)
    known = xcalled(info(7), sighting(17)).event.transfer_id
    return {
        "an empty transaction": lambda: store.database.read(lambda _connection: None),
        "record: a log and its chain's progress": lambda: commit(
            store,
            seen(xcalled(info(nonce := next(nonces)), sighting(nonce))),
            progress=[_progress(ALPHA, next(heads))],
        ),
        "record: progress only": lambda: commit(store, progress=[_progress(BETA, next(heads))]),
        "transfers.by_id": lambda: store.transfers.by_id(known),
        "suspects.suspects": lambda: store.suspects.suspects(ALPHA),
        "chains.stored": lambda: store.chains.stored(BETA, BlockRange(BlockNumber(500), BlockNumber(510))),
        "chains.coverage": lambda: store.chains.coverage(ALPHA),
        "chains.nonces": lambda: store.chains.nonces(ALPHA),
        "chains.nonce_hole": lambda: store.chains.nonce_hole(ALPHA),
        "chains.anchors": lambda: store.chains.anchors(ALPHA),
        "silences.standing": store.silences.standing,
        "outbox.next_deliveries": lambda: store.outbox.next_deliveries("ops", 5),
        "deadlines.awaited": lambda: store.deadlines.awaited(Leg.EXECUTE, due_until=2**40, after=None, limit=9),
        "alerts.open_of_kind": lambda: store.alerts.open_of_kind(CHAIN_UNOBSERVED),
        "causes.bids": lambda: store.causes.bids((ALPHA, BETA), 0, 3600),
        "reports.last": lambda: store.reports.last(NOW.timestamp()),
    }


def _progress(domain: DomainId, number: int) -> ChainProgress:
    block = sighting(number).block
    return ChainProgress(domain, Coverage(BlockNumber(0), block.number, block), 0, _TRANSFERS, anchor=block)


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
