"""Routers' books, as the API and the page show them."""

from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, BlockNumber, BlockRef, Executed, Hash32, Timestamp
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Provenance
from connext_monitor.store.store import Store
from tests.reporting.api_client import get
from tests.world.bridge import bridge_record, read_in
from tests.world.recording import put, seen
from tests.world.transfers import ROUTER, executed, info, sighting
from tests.world.two_chains import DESTINATION, LABELS, ORIGIN, START

PATH = "/api/v1/routers"
OTHER = Address(b"\x0e" * 20)
LOCAL = Address(b"\x5f" * 20)  # No other test knows it: what is learned of it here stays.


@pytest.fixture(autouse=True)
async def counted(store: Store) -> None:
    paid = executed(info(0, ORIGIN, DESTINATION), sighting(5, START - 60), (ROUTER, OTHER))
    assert isinstance(paid.event, Executed)
    paid = replace(paid, event=replace(paid.event, asset=LOCAL, local=LOCAL, amount=1_500))
    added = bridge_record(
        "RouterLiquidityAdded", sighting(4, START - 90), domain=DESTINATION, router=ROUTER, local=LOCAL, amount=2_000
    )
    await put(store, seen(paid), read_in(Provenance.COVERED, added))


async def test_a_router_s_book_says_its_balance_and_what_it_is_owed(client: aiohttp.ClientSession) -> None:
    [router, _] = (await get(client, PATH))["items"]
    [book] = router["books"]
    assert (router["router"], router["fills"], router["share"]) == (to_checksum_address(ROUTER), 1, 1.0)
    assert (book["balance_from_events"], book["added"], book["fronted"]) == ("1250", "2000", "750")
    assert (book["unreconciled"], book["unreconciled_transfers"]) == (str(10**18 // 2), 1)
    assert book["last_fill"] == book["unreconciled_since"]
    assert book["chain"]["domain_id"] == DESTINATION


async def test_a_balance_may_be_below_nothing(client: aiohttp.ClientSession) -> None:
    [_, other] = (await get(client, PATH))["items"]
    assert other["books"][0]["balance_from_events"] == "-750"


async def test_the_list_goes_on_where_it_stopped(client: aiohttp.ClientSession) -> None:
    first = await get(client, f"{PATH}?limit=1")
    rest = await get(client, f"{PATH}?limit=1&cursor={first['next_cursor']}")
    routers = [item["router"] for page in (first, rest) for item in page["items"]]
    assert (routers, rest["next_cursor"]) == ([to_checksum_address(ROUTER), to_checksum_address(OTHER)], None)


@pytest.fixture
def known_token() -> Token:
    token = Token("USDC<b>", 3)
    LABELS.tokens.add({(DESTINATION, LOCAL): token})
    return token


async def test_amounts_are_in_the_token_s_units_where_known(client: aiohttp.ClientSession, known_token: Token) -> None:
    async with client.get("/routers") as response:
        text = await response.text()
        assert response.status == 200
    assert "1.25 USDC&lt;b&gt;" in text
    assert "-0.75 USDC&lt;b&gt;" in text
    assert known_token.symbol not in text
    [item] = (await get(client, "/api/v1/bridge-events?kind=RouterLiquidityAdded"))["items"]
    assert "added 2 USDC<b> (token 0x" in item["text"]
    assert item["fields"]["amount"] == "2000"


async def test_a_chain_that_does_not_say_its_balances_is_shown(
    client: aiohttp.ClientSession, checks: RouterChecks
) -> None:
    for second in (1, 2):
        checks.note_answer(DESTINATION, "<b>refused</b> eth_call", datetime.fromtimestamp(second, UTC))
    body = await get(client, PATH)
    assert body["unknown_balances"] == [
        {
            "chain": {"chain": "there", "domain_id": DESTINATION},
            "reason": "<b>refused</b> eth_call",
            "since": "1970-01-01T00:00:01Z",
        }
    ]
    async with client.get("/routers") as response:
        assert "on there is not known: &lt;b&gt;refused&lt;/b&gt; eth_call" in await response.text()
    checks.note_answer(DESTINATION, None, datetime.fromtimestamp(3, UTC))
    assert (await get(client, PATH))["unknown_balances"] == []


def _checked(checks: RouterChecks, router: Address, balance: int, difference: int) -> None:
    block = BlockRef(BlockNumber(77), Hash32(bytes(32)), Timestamp(START - 30))
    checks.note((router, DESTINATION, LOCAL), BalanceCheck(block, balance, difference))


async def test_a_balance_that_differs_from_the_contract_s_says_so(
    client: aiohttp.ClientSession, checks: RouterChecks, known_token: Token
) -> None:
    checks.names[ROUTER] = "ours"
    _checked(checks, ROUTER, 1_000, -250)
    _checked(checks, OTHER, 0, 0)
    router, other = (await get(client, PATH))["items"]
    assert (router["name"], other["name"]) == ("ours", None)
    check = router["books"][0]["check"]
    assert (check["balance"], check["difference"], check["block_number"]) == ("1000", "-250", 77)
    assert check["timestamp"] == unix_rfc3339(Timestamp(START - 30))
    async with client.get("/routers") as response:
        text = await response.text()
    assert "0.25 USDC&lt;b&gt; less than the events tell" in text
    assert "after block 77" in text
    assert text.count("as the events tell") == 1
    assert known_token.symbol not in text


async def test_a_balance_of_which_no_event_tells_is_shown_too(
    client: aiohttp.ClientSession, checks: RouterChecks
) -> None:
    silent = [Address(b"\x01" * 20), Address(b"\xee" * 20)]
    for router in silent:
        _checked(checks, router, 9, 9)
    first = await get(client, f"{PATH}?limit=1")
    rest = await get(client, f"{PATH}?limit=1&cursor={first['next_cursor']}")
    items = [item for page in (first, rest) for item in page["items"]]
    known = sorted([*silent, ROUTER, OTHER])
    assert [item["router"] for item in items] == [to_checksum_address(router) for router in known]
    compared = {item["router"] for item in items if item["books"][0]["check"] is not None}
    assert compared == {to_checksum_address(router) for router in silent}
