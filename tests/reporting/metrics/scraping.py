"""A page of metrics that is really served, and what a scrape of it says."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client.core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as read_text

from connext_monitor.config import ListenAddress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.core.stored_numbers import StoredNumbers
from connext_monitor.reporting.metrics.latest_numbers import USUAL_TIMES, LookTimes
from connext_monitor.reporting.metrics.page import PATIENCE, MetricsPage
from connext_monitor.reporting.metrics.sources import Sources
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.two_chains import (
    AT,
    DESTINATION,
    LABELS,
    NAMES,
    ORIGIN,
    chain_status,
)

read_openmetrics: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families


@dataclass
class Parts:
    """What a page is made of; a test changes it as it likes."""

    file: Path
    stored: Callable[[float], Awaitable[StoredNumbers]]
    statuses: list[ChainStatus] = field(default_factory=lambda: [chain_status(ORIGIN), chain_status(DESTINATION)])
    failing: list[str] = field(default_factory=list)
    checks: RouterChecks = field(default_factory=RouterChecks)
    last_backup: Callable[[], float | None] = lambda: None
    times: LookTimes = USUAL_TIMES
    patience: float = PATIENCE
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    tally: Tally = field(default_factory=lambda: Tally(NAMES, ["ops", "desk"]))

    def newest_backup(self) -> float | None:
        return self.last_backup()

    def page(self) -> MetricsPage:
        sources = Sources(
            chains=NAMES,
            providers=["ops", "desk"],
            database=self.file,
            statuses=lambda: self.statuses,
            stored=self.stored,
            malformed=lambda: {ORIGIN: 3},
            observations_waiting=lambda: 7,
            failing=lambda: self.failing,
            backup_every=21600,
            last_backup=self.newest_backup,
            log_lines_dropped=lambda: 7,
            checks=self.checks,
        )
        return MetricsPage(sources, self.tally, self.clock, self.times, self.patience)


@dataclass(frozen=True)
class Scraper:
    """Scrapes a page that is really served."""

    session: aiohttp.ClientSession

    async def text(self, **headers: str) -> str:
        async with self.session.get("/metrics", headers=headers) as response:
            assert response.status == 200
            return await response.text()

    async def numbers(self) -> dict[tuple[str, ...], float]:
        """Every sample: its name without the prefix, and its labels' values in the order of their names."""
        return samples(read_text(await self.text()))


def samples(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    by_sample: dict[tuple[str, ...], float] = {}
    for family in families:
        for sample in family.samples:
            values = [value for _, value in sorted(sample.labels.items())]
            key = (sample.name.removeprefix("connext_monitor_"), *values)
            assert key not in by_sample, f"{key} is there twice"
            by_sample[key] = sample.value
    return by_sample


@asynccontextmanager
async def served(store: Store, parts: Parts) -> AsyncIterator[Scraper]:
    page = parts.page()
    listen = ListenAddress("127.0.0.1", 0)
    server = WebServer(listen, store, lambda: parts.statuses, [], LABELS, parts.clock, page.routes())
    address = await server.start()
    async with aiohttp.ClientSession(f"http://{address}") as session:
        yield Scraper(session)
    await server.stop()
    await page.aclose()
