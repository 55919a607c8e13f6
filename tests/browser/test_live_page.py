"""A page that stays open: it shows what happens, and says so when it cannot."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from tests.browser.conftest import Site, shoot
from tests.browser.traffic import make_traffic, overdue_alert
from tests.world.two_chains import (
    AT,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

COUNT_ALERTS = """
  let told = 0;
  window.EventSource = class extends EventSource {
    constructor(...given) {
      super(...given);
      this.addEventListener("alert", () => (document.documentElement.dataset.told = told += 1));
    }
  };
"""


async def test_changes_show_without_a_reload_and_without_disturbance(site: Site) -> None:
    stuck = await make_traffic(site, 20)
    page = await site.open()
    await page.evaluate("window.here = true")
    await page.get_by_role("searchbox").fill("0xab")
    summary = page.locator("#p-execute summary")
    await summary.click()
    await expect(page.get_by_text("Live, as of")).to_be_visible()
    alert = overdue_alert(stuck[0])
    await site.store.alerts.open(alert, [])
    site.server.feed.alerts_changed()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("1 transfer is not executed in time")
    await expect(page.locator("#pathways tbody td[data-label=Overdue]").first).to_have_text("1 to execute")
    assert await page.title() == "Critical (1) · connext-monitor"
    assert "icon-critical" in (await page.locator("link[rel=icon]").get_attribute("href") or "")
    await site.store.alerts.resolve(ResolveAlert.of(alert, Resolution.EXECUTED), AT)
    site.server.feed.alerts_changed()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("All is well.")
    await expect(summary).to_be_focused()
    assert await page.locator("#p-execute details").get_attribute("open") is not None
    assert await page.get_by_role("searchbox").input_value() == "0xab"
    assert await page.evaluate("window.here")


async def test_a_change_during_a_request_shows_too(site: Site) -> None:
    """The answer that is on its way when the second alert is told does not have it."""
    here, there = (await make_traffic(site, 20))[:2]
    page = await site.open()
    await page.add_init_script(COUNT_ALERTS)
    await page.clock.install()
    await page.reload()
    await expect(page.get_by_text("Live, as of")).to_be_visible()
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 1"))
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await go_on.wait()
        await route.fulfill(response=answer)

    await page.route(f"{site.url}/", hold)
    for number, sample in enumerate((here, there), start=1):
        await site.store.alerts.open(overdue_alert(sample), [])
        site.server.feed.alerts_changed()
        await expect(page.locator("html")).to_have_attribute("data-told", str(number))
        await page.clock.run_for(1000)
        await asked.wait()
    go_on.set()
    await expect(page.locator("#alerts .count")).to_have_text("1")
    await page.clock.run_for(1000)
    await expect(page.locator("#alerts .count")).to_have_text("2")


async def test_a_resumed_page_does_not_call_the_monitor_silent(site: Site) -> None:
    page = await site.open()
    await page.clock.install()
    await page.reload()
    await page.get_by_role("button", name="Pause").click()
    await page.clock.fast_forward(60_000)
    await page.route(f"{site.url}/", lambda _route: None)
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("alert")).to_be_hidden()
    await page.clock.fast_forward(25_000)
    await expect(page.get_by_role("alert")).to_contain_text("The monitor has not answered since")
    await page.unroute(f"{site.url}/")
    await page.clock.fast_forward(25_000)
    await expect(page.get_by_role("alert")).to_be_hidden()
    assert await page.title() == "Fine · connext-monitor"


async def test_a_page_whose_monitor_is_silent_says_so(site: Site) -> None:
    page = await site.open()
    await page.clock.install()
    await page.reload()
    await site.server.stop()
    await page.clock.fast_forward(25_000)
    await expect(page.get_by_role("alert")).to_contain_text("The monitor has not answered since")
    await expect(page.get_by_role("heading", level=1)).to_have_css("text-decoration-line", "line-through")
    assert await page.title() == "Not answering · connext-monitor"
    assert "icon-warning" in (await page.locator("link[rel=icon]").get_attribute("href") or "")
    await shoot(page, "stale")
