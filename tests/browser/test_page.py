"""The page as people meet it: in a real browser, by eye, by keyboard, and with hostile words in it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import expect

from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.token import Token
from tests.browser.conftest import DESK, PHONE, Site, shoot
from tests.browser.traffic import make_traffic, overdue_alert, samples, see_that_all_is_readable
from tests.world.kinds import deep_reorg, provider_failing
from tests.world.two_chains import (
    AT,
    DESTINATION,
    ORIGIN,
    START,
    TOKENS,
    Sample,
    fill,
    out_of_sight,
)

SEARCH = "/transfers?q=%3Cscript%3E'%22%3E%3Cb%20id%3Dq%3E"
pytestmark = pytest.mark.asyncio(loop_scope="session")

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
HOSTILE = "<img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT OVERRIDE}{{ 7 * 7 }}" + "&amp;<script>alert(2)</script>" * 20


async def test_an_empty_page_says_that_all_is_well(site: Site) -> None:
    page = await site.open()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "All is well. Every chain is observed and caught up, no alert is open, and every channel takes alerts."
    )
    assert await page.title() == "Fine · connext-monitor"
    await see_that_all_is_readable(page)
    await shoot(page, "empty")
    await shoot(await site.open(dark=True), "empty-dark")
    assert site.complaints == []


async def test_the_worst_comes_first_and_everything_is_readable(site: Site) -> None:
    stuck = await make_traffic(site, holes=True)
    for sample in stuck[:4]:
        await site.store.alerts.open(overdue_alert(sample), ["machines", "ops"])
    await site.store.alerts.open(provider_failing("ops", AT, reason="answered 503", dead=False), ["machines"])
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
    await fill(site.store, [sample.xcalled() for sample in burst], opened=[overdue_alert(sample) for sample in burst])
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


async def test_hostile_words_are_text(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a token, of an endpoint, of a channel's answer, of an alert and of a search."""
    sample = samples(1)[0]
    monkeypatch.setattr(TOKENS, "of", lambda _domain, _address: Token("<script>alert(3)", 18))
    await fill(site.store, [sample.xcalled()])
    await site.store.alerts.open(deep_reorg(HOSTILE, AT, block=1, checkpoint=0), [])
    await site.store.outbox.channel_state("ops", ChannelState.DEAD, HOSTILE, AT)
    await site.store.silences.make(Silence(0, AT + timedelta(hours=1), subject=HOSTILE, reason=HOSTILE), AT)
    site.statuses[0] = replace(out_of_sight(ORIGIN, HOSTILE), endpoint=HOSTILE)
    paths = {"front": "/", "alerts": "/alerts", "transfer": f"/transfers/{sample.hex_id}", "search": SEARCH}
    page = await site.open(size=PHONE)
    for name, path in paths.items():
        await page.goto(site.url + path)
        assert await page.locator("img, b#q, script:not([src])").count() == 0
        await see_that_all_is_readable(page)
        await shoot(page, f"hostile-{name}")
    await expect(page.get_by_role("searchbox")).to_have_value("<script>'\"><b id=q>")
    await page.goto(site.url)
    assert await page.get_by_text(HOSTILE[:28]).count() >= 4
    assert "\\u202e" in await page.locator("#chains").inner_text()
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in await page.content()
    refused = [words for words in site.complaints if "400" not in words]
    assert refused == []


async def test_without_scripts_everything_is_there_in_utc(site: Site) -> None:
    stuck = await make_traffic(site)
    await site.store.alerts.open(overdue_alert(stuck[0]), [])
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


async def test_plot_labels_are_whole_and_legible_even_on_a_phone(site: Site) -> None:
    await fill(site.store, [Sample(1, START - 500).xcalled(), Sample(1, START - 500).executed(100)])
    for kind, size in (("light", DESK), ("phone", PHONE)):
        page = await site.open("/pathways/here/there?since=P30D", size=size)
        await expect(page.locator("#p-execute text").get_by_text("1 min 30 s")).to_be_visible()
        assert await page.evaluate(BAD_LABELS) == []
        await see_that_all_is_readable(page)
        await shoot(page, f"labels-{kind}")


async def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(site: Site) -> None:
    await site.store.alerts.open(overdue_alert((await make_traffic(site, 20))[0]), ["ops"])
    page = await site.open()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    focusable = await page.evaluate(
        "document.querySelectorAll('a[href], button, input, select, summary').length"
        " + [...document.querySelectorAll('details[open] [tabindex=\"0\"]')].length"
    )
    unseen, reached = [], 1
    for _ in range(focusable + 5):
        await page.keyboard.press("Tab")
        look = await page.evaluate(FOCUS)
        if look[0] == "body":
            break
        reached += 1
        if look[1] == "none" or look[2] < 2 or not look[3]:
            unseen.append(look)
    assert unseen == []
    assert reached == focusable


async def test_the_policy_lets_in_nothing_but_our_own_files(site: Site) -> None:
    page = await site.open(scripts=False)
    response = await page.reload()
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert await page.locator("[style], [onclick], style").count() == 0
