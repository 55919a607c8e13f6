"""Transfers and alerts to look at, and what every page that is looked at must be like."""

from datetime import timedelta
from pathlib import Path

from playwright.async_api import Page

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.deadline import Leg
from tests.browser.conftest import Site
from tests.world.kinds import overdue
from tests.world.two_chains import (
    AT,
    DESTINATION,
    ORIGIN,
    ROUTER,
    START,
    Sample,
    covered,
    fill,
)

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


def samples(count: int) -> list[Sample]:
    """One every 97 seconds, both ways, the newest first."""
    ends = ((ORIGIN, DESTINATION), (DESTINATION, ORIGIN))
    return [Sample(n, START - n * 97 - 5, *ends[n % 3 == 0], amount=(n + 1) * 123456789 * 10**9) for n in range(count)]


def overdue_alert(sample: Sample) -> Alert:
    at = AT - timedelta(seconds=max(2, START - sample.started_at - 302))
    return overdue(sample.id, Leg.EXECUTE, sample.started_at + 300, at, (sample.origin, sample.destination))


async def make_traffic(site: Site, count: int = 60, *, holes: bool = False) -> list[Sample]:
    """Transfers of every fate; those that are never executed are returned. With ``holes``, nonces are missing."""
    records, stuck = [], []
    for sample in samples(count):
        records.append(sample.xcalled())
        if sample.nonce % 7 == 0 and sample.nonce:
            stuck.append(sample)
        elif sample.nonce > 2:
            routers = (ROUTER,) if sample.nonce % 4 else ()
            records.append(sample.executed(30 + sample.nonce * 7 % 250, routers=routers))
            if sample.nonce > 30:
                records.append(sample.reconciled(1000 + sample.nonce * 20))
    upcoming = 500 if holes else 0
    await fill(site.store, records, progress=[covered(end, upcoming=upcoming) for end in (ORIGIN, DESTINATION)])
    return stuck


async def see_that_all_is_readable(page: Page) -> None:
    """Enough contrast everywhere, and nothing wider than the window."""
    looked, bad = await page.evaluate(CONTRAST)
    assert looked > 20
    assert bad == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
