"""``GET /metrics``: everything gathered at one moment, then written beside the event loop."""

import asyncio
import platform
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from aiohttp import web
from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.registry import Collector

from connext_monitor.clock import Clock
from connext_monitor.reporting.metrics.chain_families import chain_families, nonce_families
from connext_monitor.reporting.metrics.families import PREFIX, gauge, single
from connext_monitor.reporting.metrics.latest_numbers import USUAL_TIMES, LatestNumbers, Look, LookTimes
from connext_monitor.reporting.metrics.loop_lag import LoopLag
from connext_monitor.reporting.metrics.router_families import book_families, check_families
from connext_monitor.reporting.metrics.sources import Sources
from connext_monitor.reporting.metrics.stored_families import (
    alert_families,
    deadline_families,
    delivery_families,
    instance_families,
)
from connext_monitor.reporting.metrics.tally import Tally

PATIENCE = 5.0
"""Seconds for the files that are looked at: Prometheus gives up after ten."""


class _Gathered(Collector):
    """Metrics that have been made, and those that are read from files, which is done when they are written."""

    def __init__(self, families: Iterable[Metric], sources: Sources) -> None:
        self._families = families
        self._sources = sources
        self._process = ProcessCollector(namespace=PREFIX.rstrip("_"), registry=None)

    def collect(self) -> Iterator[Metric]:
        """As the library asks for them."""
        yield from self._families
        yield from self._files()
        yield from self._process.collect()

    def _files(self) -> Iterator[Metric]:
        file = self._sources.database
        if file is not None:
            yield _database_size(_size(file))
            yield single(
                "database_wal_size_bytes",
                "Size of the database's write-ahead log; absent where a server keeps the database.",
                _size(file.with_name(f"{file.name}-wal")),
            )
        if self._sources.backup_every is not None:
            yield single(
                "backup_interval_seconds",
                "How often a backup is made (backup.every); absent where none is.",
                self._sources.backup_every,
            )
        last = self._sources.last_backup()
        if last is not None:
            yield single(
                "backup_last_success_timestamp_seconds",
                "When the newest backup in backup.directory was begun, as a Unix time; absent while there is none. "
                "Read from the names of the files.",
                last,
            )


class MetricsPage:
    """Answers scrapes; a scrape reads, and waits for no writer."""

    def __init__(
        self,
        sources: Sources,
        tally: Tally,
        clock: Clock,
        times: LookTimes = USUAL_TIMES,
        patience: float = PATIENCE,
    ) -> None:
        """``patience``: seconds for the files that a scrape looks at."""
        self._sources = sources
        self._tally = tally
        self._loop_lag = LoopLag(clock)
        self._clock = clock
        self._patience = patience
        self._numbers = LatestNumbers(sources.stored, clock, times)
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[bytes] | None = None

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/metrics", self.scrape)]

    async def scrape(self, request: web.Request) -> web.Response:
        """All metrics, as OpenMetrics where that is asked for."""
        wants_openmetrics = "application/openmetrics-text" in request.headers.get("Accept", "")
        write, content_type = (
            (write_openmetrics, OPENMETRICS) if wants_openmetrics else (write_text, CONTENT_TYPE_PLAIN_0_0_4)
        )
        async with self._turn:
            look = await self._numbers.get()
            families: list[Metric] = []
            for family in self._families(look):
                families.append(family)
                await asyncio.sleep(0)
            body = await self._written(lambda: write(_Gathered(families, self._sources)))
        if body is None:
            return web.Response(status=503, text="the files whose sizes are reported cannot be read in time\n")
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _written(self, write: Callable[[], bytes]) -> bytes | None:
        """What it writes, beside the loop; None where a disk that is looked at hangs, for then others are not begun."""
        if self._writing is not None and not self._writing.done():
            return None
        self._writing = asyncio.create_task(asyncio.to_thread(write), name="metrics are written")
        await asyncio.wait({self._writing}, timeout=self._patience)
        return self._writing.result() if self._writing.done() else None

    async def measure_loop_lag(self) -> NoReturn:
        """Measure until cancelled."""
        await self._loop_lag.run()

    async def aclose(self) -> None:
        """Release the database."""
        await self._numbers.aclose()

    def _families(self, look: Look | None) -> Iterator[Metric]:
        sources, now = self._sources, self._clock.now().timestamp()
        statuses = sources.statuses()
        yield InfoMetricFamily(
            f"{PREFIX}build",
            "The program's version and the Python that runs it.",
            {"version": version("connext-monitor"), "python": platform.python_version()},
        )
        yield from chain_families(statuses, sources.malformed(), now)
        if look is not None:
            self._tally.expect(look.numbers.awaited)
            unseen = {status.domain for status in statuses if not status.observed or status.unjudged is not None}
            yield from nonce_families(look.numbers.nonces, sources.chains)
            yield from deadline_families(look.numbers, sources.chains, unseen)
            yield from alert_families(look.numbers)
            yield from book_families(look.numbers.routers, sources.checks.names, sources.chains)
            yield from delivery_families(look.numbers, sources.providers, now)
            yield from instance_families(look.numbers)
        yield from check_families(sources.checks, sources.chains)
        yield from self._database(look)
        yield gauge(
            "provider_failing",
            "1 where a provider refuses for good, or has taken nothing for a minute.",
            ("provider",),
            [((name,), name in sources.failing()) for name in sources.providers],
        )
        yield single(
            "checker_queue_observations",
            "Observations that wait for the transfer checker; it holds 1000 at most, then endpoints wait.",
            sources.observations_waiting(),
        )
        ahead = sources.clock().ahead
        if ahead is not None:
            yield single(
                "clock_difference_seconds",
                "How far the machine's clock is ahead of the chains' block times (negative: behind), by the chain in "
                "the middle; absent while no chain has told the time.",
                ahead,
            )
        yield CounterMetricFamily(
            f"{PREFIX}log_lines_dropped",
            "Log lines that were dropped while stderr was not read, since the process started.",
            sources.log_lines_dropped(),
        )
        yield from self._tally.families()
        yield from self._loop_lag.families()

    def _database(self, look: Look | None) -> Iterator[Metric]:
        yield single(
            "database_readable",
            "1 where the last look into the database for these metrics succeeded.",
            self._numbers.readable,
        )
        if look is not None:
            yield single(
                "database_look_age_seconds",
                "How old the numbers are that are read from the database: they are read again after five seconds.",
                self._clock.elapsed() - look.at,
            )
            yield single("database_look_duration_seconds", "How long the last such look took.", look.took)
            if look.numbers.database_bytes is not None:
                yield _database_size(look.numbers.database_bytes)


def _database_size(size: int) -> Metric:
    return single("database_size_bytes", "Size of the database file, or of the database on its server.", size)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
