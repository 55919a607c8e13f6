"""The monitor's own path, put together for a measurement: observers, transfer checker and store, and no alerts."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import structlog

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig, DatabaseUrl, EndpointUrl
from connext_monitor.config.values import StartBlock
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import ChainId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.recording import Changes
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.observation import Committed, Observation, ObservationSink
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.observer import Observer
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.process.allocator import keep_little
from connext_monitor.process.garbage import spare_collections
from connext_monitor.store.store import Store
from connext_monitor.store.turn import WriteTurn
from scripts.bench.made_up_bridge import CHAIN_IDS, CONTRACT, DOMAINS, Bridge

_UNOBSERVED_AFTER = 86_400.0
"""Seconds: the head of a long history does not rise while it is read."""
_FINALITY = 5


class Quiet:
    """A listener that has nothing to do."""

    def committed(self, news: Committed) -> None:
        """See `CommitListener`."""


class CountingStore(Store):
    """The store, and how many logs each commit brought."""

    batches: list[int]

    async def record(self, *args: Any, **kwargs: Any) -> tuple[Changes, list[str]]:  # noqa: ANN401 - handed on
        """See `Store`."""
        changes, resolved = await super().record(*args, **kwargs)
        self.batches.append(len(changes.added))
        return changes, resolved


@dataclass(frozen=True, slots=True)
class Watching:
    """What runs."""

    store: CountingStore
    observers: Sequence[Observer]


class WatchedPuts:
    """A queue that notes when what was put has been committed."""

    def __init__(self, observations: ObservationSink) -> None:
        self._observations = observations
        self.committed_after: list[float] = []

    async def put(self, observation: Observation) -> asyncio.Future[None]:
        """See `ObservationSink`."""
        done = await self._observations.put(observation)
        if observation.progress is None:
            done.add_done_callback(lambda _: self._note(observation))
        return done

    def _note(self, observation: Observation) -> None:
        now = time.monotonic_ns()
        for timed in observation.logs:
            self.committed_after.append((now - int.from_bytes(timed.log.tx_hash[24:], "big")) / 1e9)


@asynccontextmanager
async def watching(
    urls: Sequence[str],
    file: Path | DatabaseUrl,
    *,
    start_block: StartBlock,
    puts: list[WatchedPuts],
    turn: WriteTurn | None = None,
) -> AsyncIterator[Watching]:
    """Both chains, watched as long as the context lasts; ``turn``: see `Store.open`."""
    keep_little()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    labels = ChainLabels({domain: ChainLabel(f"chain {domain}") for domain in DOMAINS})
    store = await CountingStore.open(file, {}, turn=turn)
    store.batches = []
    durations = Durations(300, 10_800)
    queue = ObservationQueue()
    checker = TransferChecker(
        queue, store, lambda _origin, _destination: durations, Quiet(), labels, SystemClock(), lambda _: ()
    )
    puts.append(WatchedPuts(queue))
    random = Random(0)  # noqa: S311 - for the pauses between two tries
    observers = [
        Observer(
            _config(number, url, start_block),
            _UNOBSERVED_AFTER,
            open_endpoint,
            store.chains,
            puts[-1],
            SystemClock(),
            random,
        )
        for number, url in enumerate(urls)
    ]
    spare_collections()
    tasks = [asyncio.create_task(checker.run()), *(asyncio.create_task(observer.run()) for observer in observers)]
    try:
        yield Watching(store, observers)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


def _config(number: int, url: str, start_block: StartBlock) -> ChainConfig:
    return ChainConfig(
        name=f"chain-{number}",
        chain_id=ChainId(CHAIN_IDS[number]),
        domain_id=DOMAINS[number],
        contract=CONTRACT,
        endpoints=(EndpointUrl(url),),
        block_time=timedelta(seconds=1),
        finality=_FINALITY,
        start_block=start_block,
    )


def watch_history(bridge: Bridge, urls: Sequence[str], file: Path) -> tuple[float, int]:
    """Read all history from the first block on; the seconds it took, and the logs of a usual commit."""
    return asyncio.run(_watch_history(bridge, urls, file))


async def _watch_history(bridge: Bridge, urls: Sequence[str], file: Path) -> tuple[float, int]:
    async with watching(urls, file, start_block=1, puts=[]) as parts:
        started = time.perf_counter()
        while not all(  # noqa: ASYNC110 - two observers cover by many commits each
            _reached(bridge, number, observer) for number, observer in enumerate(parts.observers)
        ):
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - started
        return seconds, round(median(size for size in parts.store.batches if size))


def _reached(bridge: Bridge, number: int, observer: Observer) -> bool:
    covered = observer.state.covered
    return covered is not None and covered.number >= bridge.head(number)
