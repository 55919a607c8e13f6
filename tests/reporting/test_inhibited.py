"""What the page says of alerts that are late because of another one."""

from urllib.parse import quote

import aiohttp

from connext_monitor.core.alerts.kinds.bridge_paused import BRIDGE_PAUSED, BridgePausedDetails
from connext_monitor.core.deadline import Leg
from connext_monitor.store.store import Store
from tests.reporting.api_client import get
from tests.world.kinds import overdue
from tests.world.two_chains import AT, DESTINATION, ORIGIN, START, Sample

PAUSED = BRIDGE_PAUSED.open("there", AT, BridgePausedDetails(domain=DESTINATION))
LATE = [overdue(Sample(number).id, Leg.EXECUTE, START, AT, (ORIGIN, DESTINATION)) for number in (1, 2)]
ELSEWHERE = overdue(Sample(3).id, Leg.EXECUTE, START, AT, (DESTINATION, ORIGIN))
LINK = f'<a href="/alerts?cause={quote(PAUSED.id)}">'


async def page(client: aiohttp.ClientSession, path: str) -> str:
    async with client.get(path) as response:
        assert response.status == 200
        return await response.text()


async def test_an_alert_and_its_cause_lead_to_each_other(client: aiohttp.ClientSession, store: Store) -> None:
    for alert in (*LATE, PAUSED, ELSEWHERE):
        await store.alerts.open(alert, ())
    for path in ("/", "/alerts"):
        shown = await page(client, path)
        assert shown.count(f"{LINK}Late because of {PAUSED.id}</a>") == len(LATE)
        assert shown.count(f"{LINK}2 late because of it</a>") == 1
    together = await page(client, f"/alerts?cause={quote(PAUSED.id)}")
    assert together.count('<article class="alert') == 1 + len(LATE)
    said = {alert["id"]: alert["inhibited_by"] for alert in (await get(client, "/api/v1/alerts"))["items"]}
    assert said == {PAUSED.id: None, ELSEWHERE.id: None, **dict.fromkeys((late.id for late in LATE), PAUSED.id)}
