"""What the bridge said besides its transfers, as the API and the page list it."""

import aiohttp
import pytest

from connext_monitor.core.transfer import Provenance
from connext_monitor.store.store import Store
from tests.reporting.api_client import get
from tests.world.bridge import bridge_record, read_in
from tests.world.recording import put
from tests.world.transfers import sighting
from tests.world.two_chains import DESTINATION, ORIGIN, START

PATH = "/api/v1/bridge-events"


@pytest.fixture(autouse=True)
async def said(store: Store) -> None:
    at = [sighting(number, START - 3600 * (4 - number)) for number in range(4)]
    await put(
        store,
        read_in(
            Provenance.COVERED,
            bridge_record("Paused", at[0], domain=ORIGIN),
            bridge_record("RouterAdded", at[1], domain=ORIGIN),
            bridge_record("Unpaused", at[2], domain=ORIGIN),
            bridge_record("Paused", at[3], domain=DESTINATION),
        ),
    )


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", ["Paused", "Unpaused", "RouterAdded", "Paused"]),
        ("?chain=here", ["Unpaused", "RouterAdded", "Paused"]),
        ("?kind=Paused", ["Paused", "Paused"]),
        ("?since=PT2H", ["Paused", "Unpaused"]),
        ("?kind=Paused&chain=1001&since=PT5H", ["Paused"]),
    ],
)
async def test_they_are_listed_newest_first_by_chain_kind_and_age(
    client: aiohttp.ClientSession, query: str, kinds: list[str]
) -> None:
    assert [item["kind"] for item in (await get(client, PATH + query))["items"]] == kinds


async def test_a_long_list_goes_on_where_it_stopped(client: aiohttp.ClientSession) -> None:
    first = await get(client, f"{PATH}?limit=3")
    rest = await get(client, f"{PATH}?limit=3&cursor={first['next_cursor']}")
    assert [[item["kind"] for item in page["items"]] for page in (first, rest)] == [
        ["Paused", "Unpaused", "RouterAdded"],
        ["Paused"],
    ]
    assert rest["next_cursor"] is None


async def test_one_says_who_did_what_where(client: aiohttp.ClientSession) -> None:
    [item] = (await get(client, f"{PATH}?kind=RouterAdded"))["items"]
    router, caller = "0x" + "0a" * 20, "0x" + "0c" * 20
    assert item["text"].lower() == f"the router {router} was approved"
    assert item["caller"].lower() == caller
    assert item["fields"] == {"router": router, "caller": caller}
    assert item["link"] == f"https://here.example/tx/0x{'0d' * 32}"


@pytest.mark.parametrize("query", ["?kind=Transfer", "?chain=nowhere", "?cursor=x", "?state=open"])
async def test_a_bad_parameter_is_refused(client: aiohttp.ClientSession, query: str) -> None:
    assert set(await get(client, PATH + query, 400)) == {"error"}


async def test_the_page_shows_them_with_links(client: aiohttp.ClientSession) -> None:
    async with client.get("/bridge?chain=here") as response:
        text = await response.text()
        assert response.status == 200
    assert text.count("https://here.example/tx/") == 3
    assert "the bridge was unpaused" in text
    assert "there.example" not in text
