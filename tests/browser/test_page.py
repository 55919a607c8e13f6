"""The page as people meet it: in a real browser, by eye, by keyboard, live, and with hostile words in it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import ChannelState
from connext_monitor.core.token import Token
from tests.browser.conftest import DESK, PHONE, Site, shoot
from tests.world.kinds import deep_reorg, overdue, provider_failing
from tests.world.two_chains import (
    ASSET,
    AT,
    DESTINATION,
    LABELS,
    ORIGIN,
    ROUTER,
    START,
    Sample,
    covered,
    fill,
    out_of_sight,
)

SEARCH = "/transfers?q=%3Cscript%3E'%22%3E%3Cb%20id%3Dq%3E"
pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
FOCUS = """() => {
  const on = document.activeElement, style = getComputedStyle(on), box = on.getBoundingClientRect();
  const seen = box.width > 0 && box.top >= 0 && box.bottom <= innerHeight + 1;
  return [on.localName, style.outlineStyle, parseFloat(style.outlineWidth), seen, on.textContent.trim().slice(0, 30)];
}"""
BAD_LABELS = """() => [...document.querySelectorAll(".plot text")].filter((label) => {
  if (!label.checkVisibility()) return false;
  const drawing = label.ownerSVGElement, [box, all] = [label, drawing].map((one) => one.getBoundingClientRect());
  const cut = getComputedStyle(drawing).overflowX !== "visible" && (box.left < all.left || box.right > all.right);
  return cut || box.height < 10 || box.left < 0 || box.right > innerWidth;
}).map((label) => label.textContent)"""
COUNT_ALERTS = """
  let told = 0;
  window.EventSource = class extends EventSource {
    constructor(...given) {
      super(...given);
      this.addEventListener("alert", () => (document.documentElement.dataset.told = told += 1));
    }
  };
"""
HOSTILE = "<img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}{{ 7 * 7 }}" + "&amp;<script>alert(2)</script>" * 20


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


async def test_with_nothing_in_it_the_first_line_says_that_all_is_well(site: Site) -> None:
    page = await site.open()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "All is well. Every chain is observed and caught up, no alert is open, and every channel takes alerts."
    )
    assert await page.title() == "Fine · connext-monitor"
    await see_that_all_is_readable(page)
    await shoot(page, "empty")
    await shoot(await site.open(dark=True), "empty-dark")
    assert site.complaints == []


async def test_what_is_wrong_is_said_first_and_everything_can_be_read(site: Site) -> None:
    stuck = await make_traffic(site, holes=True)
    for one in stuck[:4]:
        await site.store.open_alert(overdue_alert(one), ["machines", "ops"])
    await site.store.open_alert(provider_failing("ops", AT, reason="answered 503", dead=False), ["machines"])
    await site.store.outbox.channel_state("ops", ChannelState.FAILING, "answered 503", AT - timedelta(minutes=3))
    site.statuses[1] = out_of_sight(DESTINATION)
    paths = {"front": "/", "transfers": "/transfers", "alerts": "/alerts", "pathway": "/pathways/here/there"}
    page = await site.open()
    for name, path in {**paths, "transfer": f"/transfers/{stuck[1].hex_id}"}.items():
        await page.goto(site.url + path)
        first = page.get_by_role("heading", level=1)
        await expect(first).to_have_text("Critical: 3 transfers are not executed in time: here → there.")
        for kind, dark, size in (("light", False, DESK), ("dark", True, DESK), ("phone", False, PHONE)):
            await page.emulate_media(color_scheme="dark" if dark else "light")
            await page.set_viewport_size(size)
            await see_that_all_is_readable(page)
            await shoot(page, f"{name}-{kind}")
    assert site.complaints == []


async def test_a_burst_is_counted_before_it_is_listed(site: Site) -> None:
    burst = [Sample(1000 + n, START - 400 - n) for n in range(300)]
    await fill(site.store, [one.xcalled() for one in burst], opened=[overdue_alert(one) for one in burst])
    page = await site.open()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("300 transfers are not executed in time")
    assert await page.locator("article.alert").count() == 8
    # The one that has been open longest, though it was stored last.
    await expect(page.locator("article.alert").first).to_contain_text(f"Transfer {burst[-1].hex_id[:10]}")
    await page.get_by_role("link", name="All 300 open alerts").click()
    await expect(page.locator("article.alert")).to_have_count(50)
    await page.get_by_role("link", name="Older ones").click()
    await expect(page.get_by_role("link", name="The newest")).to_be_visible()
    await page.goto(site.url)
    await shoot(page, "burst")
    assert site.complaints == []


async def test_hostile_words_are_text(site: Site) -> None:
    """Of a token, of an endpoint, of a channel's answer, of an alert and of a search."""
    sample = samples(1)[0]
    LABELS.tokens[sample.origin, ASSET] = Token("<script>alert(3)", 18)
    await fill(site.store, [sample.xcalled()])
    await site.store.open_alert(deep_reorg(HOSTILE, AT, block=1, checkpoint=0), [])
    await site.store.outbox.channel_state("ops", ChannelState.DEAD, HOSTILE, AT)
    await site.store.make_silence(Silence(0, AT + timedelta(hours=1), subject=HOSTILE, reason=HOSTILE), AT)
    site.statuses[0] = replace(out_of_sight(ORIGIN, HOSTILE), endpoint=HOSTILE)
    paths = {"front": "/", "alerts": "/alerts", "transfer": f"/transfers/{sample.hex_id}", "search": SEARCH}
    page = await site.open(size=PHONE)
    for name, path in paths.items():
        await page.goto(site.url + path)
        assert await page.locator("img, b#q, script:not([src])").count() == 0
        await see_that_all_is_readable(page)
        await shoot(page, f"hostile-{name}")
    del LABELS.tokens[sample.origin, ASSET]
    await expect(page.get_by_role("searchbox")).to_have_value("<script>'\"><b id=q>")
    await page.goto(site.url)
    assert await page.get_by_text(HOSTILE[:28]).count() >= 4
    assert "\\u202e" in await page.locator("#chains").inner_text()
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in await page.content()
    refused = [words for words in site.complaints if "400" not in words]
    assert refused == []


async def test_what_happens_shows_without_a_reload_and_disturbs_nobody(site: Site) -> None:
    stuck = await make_traffic(site, 20)
    page = await site.open()
    await page.evaluate("window.here = true")
    await page.get_by_role("searchbox").fill("0xab")
    summary = page.locator("#p-execute summary")
    await summary.click()
    await expect(page.get_by_text("Live, as of")).to_be_visible()
    alert = overdue_alert(stuck[0])
    await site.store.open_alert(alert, [])
    site.server.feed.alerts_changed()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("1 transfer is not executed in time")
    await expect(page.locator("#pathways tbody td[data-label=Overdue]").first).to_have_text("1 to execute")
    assert await page.title() == "Critical (1) · connext-monitor"
    assert "icon-critical" in (await page.locator("link[rel=icon]").get_attribute("href") or "")
    await site.store.resolve_alert(alert.id, Resolution.EXECUTED, AT)
    site.server.feed.alerts_changed()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("All is well.")
    await expect(summary).to_be_focused()
    assert await page.locator("#p-execute details").get_attribute("open") is not None
    assert await page.get_by_role("searchbox").input_value() == "0xab"
    assert await page.evaluate("window.here")


async def test_what_happens_while_the_page_is_asked_for_shows_too(site: Site) -> None:
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
    for number, one in enumerate((here, there), start=1):
        await site.store.open_alert(overdue_alert(one), [])
        site.server.feed.alerts_changed()
        await expect(page.locator("html")).to_have_attribute("data-told", str(number))
        await page.clock.run_for(1000)
        await asked.wait()
    go_on.set()
    await expect(page.locator("#alerts .count")).to_have_text("1")
    await page.clock.run_for(1000)
    await expect(page.locator("#alerts .count")).to_have_text("2")


async def test_a_page_that_goes_on_after_a_pause_blames_nobody_for_it(site: Site) -> None:
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


async def test_without_scripts_everything_is_there_in_utc(site: Site) -> None:
    stuck = await make_traffic(site)
    await site.store.open_alert(overdue_alert(stuck[0]), [])
    page = await site.open(scripts=False, zone="Asia/Tokyo")
    await expect(page.locator("#chains tbody tr")).to_have_count(2)
    await expect(page.locator("#pathways tbody tr[data-key^='/pathways']")).to_have_count(2)
    await expect(page.locator("#routers tbody tr")).to_have_count(1)
    await expect(page.locator("#p-transfers rect.bar")).to_have_count(25)
    await expect(page.locator("#transfers tbody tr")).to_have_count(12)
    await expect(page.locator(".asof time")).to_contain_text("03:04:")
    await expect(page.locator(".asof time")).to_contain_text("UTC")
    await page.get_by_role("searchbox").fill(f"  {stuck[0].hex_id} ")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("heading", level=2)).to_contain_text(stuck[0].hex_id)
    with_scripts = await site.open(zone="Asia/Tokyo")
    await expect(with_scripts.locator(".asof time")).to_contain_text("12:04:")


async def test_over_many_days_the_labels_of_time_have_dates(site: Site) -> None:
    await make_traffic(site, 3)
    for scripts, first in ((False, "12-03 00:00"), (True, "12-03 09:00")):
        page = await site.open("/pathways/here/there?since=P30D", scripts=scripts, zone="Asia/Tokyo")
        labels = page.locator("#p-transfers text.hour")
        await expect(labels.first).to_have_text(first)
        assert len(set(await labels.all_text_contents())) == await labels.count() == 5
        await shoot(page, f"month{'' if scripts else '-still'}")


async def test_labels_of_plots_are_whole_and_large_enough_on_a_phone_too(site: Site) -> None:
    await fill(site.store, [Sample(1, START - 500).xcalled(), Sample(1, START - 500).executed(100)])
    for kind, size in (("light", DESK), ("phone", PHONE)):
        page = await site.open("/pathways/here/there?since=P30D", size=size)
        await expect(page.locator("#p-execute text").get_by_text("1 min 30 s")).to_be_visible()
        assert await page.evaluate(BAD_LABELS) == []
        await see_that_all_is_readable(page)
        await shoot(page, f"labels-{kind}")


async def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(site: Site) -> None:
    await site.store.open_alert(overdue_alert((await make_traffic(site, 20))[0]), ["ops"])
    page = await site.open()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    wanted = await page.evaluate(
        "document.querySelectorAll('a[href], button, input, select, summary').length"
        " + [...document.querySelectorAll('details[open] [tabindex=\"0\"]')].length"
    )
    unseen, reached = [], 1
    for _ in range(wanted + 5):
        await page.keyboard.press("Tab")
        look = await page.evaluate(FOCUS)
        if look[0] == "body":
            break
        reached += 1
        if look[1] == "none" or look[2] < 2 or not look[3]:
            unseen.append(look)
    assert unseen == []
    assert reached == wanted


async def test_the_policy_lets_in_nothing_but_our_own_files(site: Site) -> None:
    page = await site.open(scripts=False)
    response = await page.reload()
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert await page.locator("[style], [onclick], style").count() == 0
