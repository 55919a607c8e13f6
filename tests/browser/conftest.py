"""A real Chromium, and a page served to it from a database that a test fills.

Without Chromium these tests are skipped, and say so; `scripts/browser` puts it in where that can be done.
"""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from connext_monitor.config import ListenAddress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store
from tests.world.clocks import TickingClock
from tests.world.databases import open_store
from tests.world.two_chains import AT, DESTINATION, LABELS, NAMES, ORIGIN, chain_status

PROVIDERS = ["machines", "ops"]
SCREENSHOTS = Path(__file__).parent / "screenshots"
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
expect.set_options(timeout=60_000)
_FEATURES_LEFT_OUT = (
    # What its address bar shows is a page of its own in each window, which takes more of a processor than ours do.
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    # What playwright leaves out, whose own list this one replaces.
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first has no windows of its own, for which the others take a half more of a processor."""


@dataclass
class Site:
    """The monitor's page, and everything that a browser complained of."""

    browser: Browser
    url: str
    server: WebServer
    store: Store
    statuses: list[ChainStatus]
    complaints: list[str] = field(default_factory=list)

    async def open(
        self, path: str = "/", *, dark: bool = False, size: ViewportSize = DESK, scripts: bool = True, zone: str = "UTC"
    ) -> Page:
        """A page in a window of its own."""
        context = await self.browser.new_context(
            viewport=size,
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            timezone_id=zone,
            reduced_motion="reduce",
        )
        page = await context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"a dialog opened: {dialog.message}"))
        page.set_default_timeout(60_000)
        await page.goto(self.url + path)
        return page


async def shoot(page: Page, name: str) -> None:
    """Keep what it looks like for people who asked for that: to draw a whole page takes seconds of a processor."""
    if "SCREENSHOTS" not in os.environ:
        return
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=str(SCREENSHOTS / f"{name}.png"), full_page=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    executable = next((path for path in map(shutil.which, _NAMES) if path), None)
    if executable is None:
        how = "on Debian: apt-get install chromium-headless-shell"
        pytest.skip(f"no Chromium is installed, so the page was not tried in a browser ({how})")
    return executable


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    # All pages here are our own, so that one process can draw them all, and each need not begin its own. Chromium's
    # sandbox refuses to run as root.
    flags = ["--renderer-process-limit=1", "--disable-site-isolation-trials"]
    flags += [f"--disable-features={_FEATURES_LEFT_OUT}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def site(browser: Browser, tmp_path: Path) -> AsyncIterator[Site]:
    store = await open_store(tmp_path / "monitor.db", NAMES)
    statuses = [chain_status(ORIGIN), chain_status(DESTINATION)]
    server = WebServer(ListenAddress("127.0.0.1", 0), store, lambda: statuses, PROVIDERS, LABELS, TickingClock(AT))
    address = await server.start()
    yield Site(browser, f"http://{address}", server, store, statuses)
    for context in browser.contexts:
        await context.close()
    await server.stop()
    await store.close()
