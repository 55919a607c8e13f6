"""The page of an instance that stands by, at two widths."""

from dataclasses import replace
from unittest.mock import patch

import pytest

from connext_monitor.config import ListenAddress
from connext_monitor.core.ownership import ListedInstance
from connext_monitor.reporting.web.server import WebServer
from tests.browser.conftest import DESK, PHONE, Site, shoot
from tests.browser.traffic import see_that_all_is_readable
from tests.world.clocks import TickingClock
from tests.world.two_chains import AT, LABELS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_instances_and_a_standby_are_readable_at_any_width(site: Site) -> None:
    async def listed() -> list[ListedInstance]:
        since = AT.timestamp() - 3600
        seen = tuple(f"chain-{number}" for number in range(8))
        return [
            ListedInstance("left.example:8088", "0.1.0", since, 2.0, 0.2, seen),
            ListedInstance("right.example:8088", "0.1.0", None, 1.0, -600.0, seen[:3]),
        ]

    statuses = [replace(status, endpoint=None, head=None) for status in site.statuses]
    standby = WebServer(
        ListenAddress("127.0.0.1", 0), site.store, lambda: statuses, [], LABELS, TickingClock(AT), standby=list
    )
    with patch.object(site.store.instances, "listed", listed):
        address = await standby.start()
        page = await replace(site, url=f"http://{address}").open()
        for kind, size in (("desk", DESK), ("phone", PHONE)):
            await page.set_viewport_size(size)
            await see_that_all_is_readable(page)
            await shoot(page, f"standby-{kind}")
        await page.close()
        await standby.stop()
    assert site.complaints == []
