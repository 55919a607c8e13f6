"""``/metrics`` over a real server and database: by the library's own parsers, and when the database is slow or gone."""

import asyncio
import threading
from collections.abc import Collection
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families as read_text

from connext_monitor.core.chain_status import RequestKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.stored_numbers import StoredNumbers
from connext_monitor.reporting.metrics.latest_numbers import LookTimes
from connext_monitor.store.store import Store
from tests.reporting.metrics.scraping import Parts, Scraper, read_openmetrics, samples, served
from tests.world.kinds import overdue
from tests.world.two_chains import (
    AT,
    DESTINATION,
    EXECUTE,
    NAMES,
    ORIGIN,
    START,
    Sample,
    chain_status,
    covered,
    fill,
    out_of_sight,
    unjudging,
)
from tests.world.waiting import BOUND

FORTH = (ORIGIN, DESTINATION)


async def test_both_formats_are_what_the_librarys_parsers_read(scraper: Scraper, store: Store) -> None:
    await fill(store, [Sample(1).xcalled(), Sample(1).executed()], progress=[covered(ORIGIN, upcoming=2)])
    text = samples(read_text(await scraper.text()))
    openmetrics = samples(read_openmetrics(await scraper.text(Accept="application/openmetrics-text; version=abc")))
    assert text.keys() == openmetrics.keys()


async def test_names_follow_the_conventions_and_every_metric_is_explained(scraper: Scraper) -> None:
    families = list(read_text(await scraper.text()))
    for family in families:
        assert family.name.startswith("connext_monitor_")
        assert family.documentation
        # What the parser calls a counter had "_total", or it would have no samples.
        assert family.type in {"counter", "gauge", "histogram"}
        if family.type != "counter":
            assert "_total" not in family.name
    assert len({family.name for family in families}) == len(families)


async def test_a_chain_is_told_as_it_is_seen(scraper: Scraper, parts: Parts, store: Store) -> None:
    asked = {RequestKind("node.example", "eth_getLogs", "answered"): 5}
    parts.statuses[:] = [replace(chain_status(ORIGIN, at=START - 42), requests=asked), out_of_sight(DESTINATION)]
    await fill(store, [Sample(0).xcalled()], progress=[covered(ORIGIN, upcoming=3)])
    numbers = await scraper.numbers()
    here, there = NAMES[ORIGIN], NAMES[DESTINATION]
    assert numbers["chain_head_block", here] == 1201
    assert numbers["chain_covered_block", here] == 1200
    assert numbers["chain_checkpoint_block", here] == 1100
    assert numbers["chain_watermark_timestamp_seconds", here] == START - 42
    assert numbers["chain_lag_seconds", here] == 42
    assert (numbers["chain_observed", here], numbers["chain_observed", there]) == (1, 0)
    assert (numbers["chain_caught_up", here], numbers["chain_caught_up", there]) == (1, 0)
    assert (numbers["nonces_contiguous", here], numbers["nonces_unproven", here]) == (0, 2)
    assert (numbers["malformed_logs_total", here], numbers["malformed_logs_total", there]) == (3, 0)
    assert numbers["requests_total", here, "node.example", "eth_getLogs", "answered"] == 5


async def test_an_awaited_leg_is_pending_then_unobserved_or_overdue(
    scraper: Scraper, parts: Parts, store: Store
) -> None:
    here, there = NAMES[ORIGIN], NAMES[DESTINATION]

    async def states() -> dict[str, float]:
        numbers = await scraper.numbers()
        words = ("pending", "overdue", "unobserved")
        return {word: numbers["deadlines", there, "execute", here, word] for word in words}

    await fill(store, [Sample(1).xcalled(), Sample(2).xcalled()])
    assert await states() == {"pending": 2, "overdue": 0, "unobserved": 0}
    parts.clock.at = AT.fromtimestamp(START + EXECUTE + 10, AT.tzinfo)
    await store.alerts.open(overdue(Sample(1).id, Leg.EXECUTE, START + EXECUTE, AT, FORTH), ["ops"])
    parts.clock.passed = 10
    assert await states() == {"pending": 1, "overdue": 1, "unobserved": 0}
    parts.statuses[:] = [chain_status(ORIGIN), out_of_sight(DESTINATION)]
    assert await states() == {"pending": 0, "overdue": 1, "unobserved": 1}


async def test_unjudged_legs_are_unobserved_and_counted_by_obstacle(
    scraper: Scraper, parts: Parts, store: Store
) -> None:
    here, there = NAMES[ORIGIN], NAMES[DESTINATION]
    await fill(store, [Sample(1).xcalled(), Sample(2).xcalled()])
    parts.clock.at = AT.fromtimestamp(START + EXECUTE + 10, AT.tzinfo)
    parts.statuses[:] = [chain_status(ORIGIN), unjudging(DESTINATION, legs=2)]
    numbers = await scraper.numbers()
    assert numbers["chain_unjudged", there, "not_answered"] == 2
    assert numbers["chain_unjudged", there, "not_covered"] == 0
    assert numbers["chain_unjudged", here, "not_answered"] == 0
    assert numbers["deadlines", there, "execute", here, "unobserved"] == 2


async def test_alerts_and_what_waits_for_a_provider_are_told(scraper: Scraper, parts: Parts, store: Store) -> None:
    await fill(store, [Sample(1).xcalled()])
    await store.alerts.open(overdue(Sample(1).id, Leg.EXECUTE, START, AT, FORTH), ["ops"])
    parts.failing[:] = ["ops"]
    parts.clock.at = AT.fromtimestamp(START + 30, AT.tzinfo)
    numbers = await scraper.numbers()
    assert numbers["alerts_open", "execute_overdue", "critical"] == 1
    assert numbers["alerts_open", "chain_unobserved", "warning"] == 0
    assert (numbers["deliveries_waiting", "ops"], numbers["deliveries_waiting", "desk"]) == (1, 0)
    assert (numbers["deliveries_oldest_age_seconds", "ops"], numbers["deliveries_oldest_age_seconds", "desk"]) == (
        30,
        0,
    )
    assert (numbers["provider_failing", "ops"], numbers["provider_failing", "desk"]) == (1, 0)
    assert numbers["checker_queue_observations",] == 7


async def test_the_last_backup_is_told_once_there_is_one(scraper: Scraper, parts: Parts) -> None:
    numbers = await scraper.numbers()
    assert numbers["backup_interval_seconds",] == 21600
    assert ("backup_last_success_timestamp_seconds",) not in numbers
    parts.last_backup = lambda: START
    assert (await scraper.numbers())["backup_last_success_timestamp_seconds",] == START


async def test_many_scrapes_at_once_look_into_the_database_once(store: Store, parts: Parts) -> None:
    looks: list[float] = []

    async def look(now: float) -> StoredNumbers:
        looks.append(now)
        return await store.statistics.measure(now)

    parts.stored = look
    async with served(store, parts) as scraper:
        await asyncio.gather(*(scraper.text() for _ in range(8)))
        parts.clock.passed = 4.9
        await scraper.text()
        assert len(looks) == 1
        parts.clock.passed = 5.1
        await scraper.text()
        assert len(looks) == 2


async def test_a_database_that_fails_leaves_the_other_metrics_and_says_so(store: Store, parts: Parts) -> None:
    async def fails(_now: float) -> StoredNumbers:
        raise OSError("s3cret")

    parts.stored = fails
    async with served(store, parts) as scraper:
        text = await scraper.text()
        numbers = samples(read_text(text))
        assert numbers["database_readable",] == 0
        assert numbers["chain_observed", NAMES[ORIGIN]] == 1
        assert "connext_monitor_alerts_open" not in text
        assert "s3cret" not in text


async def test_a_database_that_hangs_keeps_no_scrape_waiting_for_long(store: Store, parts: Parts) -> None:
    parts.times = LookTimes(wait=0.1)
    stuck, asked = asyncio.Event(), list[float]()

    async def hangs(now: float) -> StoredNumbers:
        asked.append(now)
        if len(asked) > 1:
            await stuck.wait()
        return StoredNumbers(nonces={})

    parts.stored = hangs
    async with served(store, parts) as scraper:
        await scraper.text()
        parts.clock.passed = 60
        async with asyncio.timeout(BOUND):
            first, second = await scraper.numbers(), await scraper.numbers()
        assert first["database_look_age_seconds",] == second["database_look_age_seconds",] == 60
        assert len(asked) == 2, "a look is under way: no other is begun"


async def test_files_on_a_hanging_disk_are_looked_at_once(store: Store, parts: Parts) -> None:
    stuck, looks = threading.Event(), list[int]()

    def hang() -> float | None:
        looks.append(1)
        stuck.wait(60)
        return None

    parts.last_backup, parts.patience = hang, 0.1
    async with served(store, parts) as scraper:
        try:
            for _ in range(3):
                async with scraper.session.get("/metrics") as response:
                    assert response.status == 503
            assert len(looks) == 1
        finally:
            stuck.set()


def labels_of(numbers: Collection[tuple[str, ...]], metric: str) -> set[tuple[str, ...]]:
    return {key[1:] for key in numbers if key[0] == metric}


async def test_chains_that_are_not_configured_become_no_labels(scraper: Scraper, store: Store) -> None:
    strange = Sample(1, origin=DomainId(666))
    await fill(store, [strange.xcalled(), strange.executed()], progress=[covered(DomainId(666), upcoming=2)])
    numbers = await scraper.numbers()
    assert labels_of(numbers, "nonces_contiguous") == set()
    assert '"666"' not in await scraper.text()
