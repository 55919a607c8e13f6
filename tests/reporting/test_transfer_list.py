"""The list of transfers: its order, its cursors, its filters, and the parameters it refuses."""

import aiohttp
import pytest

from connext_monitor.store.store import Store
from tests.reporting.api_client import TRANSFERS, get
from tests.world.two_chains import (
    DESTINATION,
    ORIGIN,
    START,
    Sample,
    fill,
)


async def test_lists_are_newest_first_and_end_with_a_null_cursor(client: aiohttp.ClientSession, store: Store) -> None:
    samples = [Sample(nonce, START + nonce) for nonce in range(3)]
    await fill(store, [sample.xcalled() for sample in samples])
    body = await get(client, TRANSFERS)
    assert set(body) == {"items", "next_cursor"}
    assert [item["nonce"] for item in body["items"]] == ["2", "1", "0"]
    assert body["next_cursor"] is None


async def test_cursors_cover_the_whole_list_despite_arrivals(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(nonce, START + nonce // 3).xcalled() for nonce in range(10)])
    seen: list[str] = []
    cursor, new = "", 100
    while cursor is not None:
        body = await get(client, f"{TRANSFERS}?limit=3&cursor={cursor}")
        seen += [item["nonce"] for item in body["items"]]
        cursor = body["next_cursor"]
        await fill(store, [Sample(new, START + 50).xcalled()])
        new += 1
    assert sorted(map(int, seen)) == list(range(10))


async def test_the_cursor_is_null_when_the_last_page_is_just_full(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(nonce).xcalled() for nonce in range(4)])
    body = await get(client, f"{TRANSFERS}?limit=4")
    assert len(body["items"]) == 4
    assert body["next_cursor"] is None


async def test_a_list_has_fifty_items_by_default(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(nonce).xcalled() for nonce in range(51)])
    body = await get(client, TRANSFERS)
    assert len(body["items"]) == 50
    assert body["next_cursor"] is not None


async def filled(store: Store) -> None:
    called, done, back = Sample(1), Sample(2), Sample(3, origin=DESTINATION, destination=ORIGIN)
    await fill(store, [called.xcalled(), done.xcalled(), done.executed(), done.reconciled(), back.xcalled()])


@pytest.mark.parametrize(
    ("query", "nonces"),
    [
        ("status=XCalled", ["1", "3"]),
        ("status=CompletedFast", ["2"]),
        ("status=XCalled,CompletedFast", ["1", "2", "3"]),
        ("status=Executed", []),
        ("origin=here", ["1", "2"]),
        ("origin=1002", ["3"]),
        ("destination=here&status=XCalled", ["3"]),
        ("destination=77", []),
        ("status=&origin=&destination=&limit=&cursor=", ["1", "2", "3"]),
    ],
)
async def test_a_list_is_filtered(client: aiohttp.ClientSession, store: Store, query: str, nonces: list[str]) -> None:
    await filled(store)
    body = await get(client, f"{TRANSFERS}?{query}")
    assert sorted(item["nonce"] for item in body["items"]) == nonces


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{TRANSFERS}?status=xcalled", "status: write one or more of Unknown, XCalled, "),
        (f"{TRANSFERS}?status=XCalled,", "status: "),
        (f"{TRANSFERS}?origin=nowhere", "origin: write a chain's name (here, there) or a domain id"),
        (f"{TRANSFERS}?destination=4294967296", "destination: "),
        (f"{TRANSFERS}?destination=-1", "destination: "),
        (f"{TRANSFERS}?limit=0", "limit: write a number from 1 to 500"),
        (f"{TRANSFERS}?limit=501", "limit: "),
        (f"{TRANSFERS}?limit=%D9%A3", "limit: "),
        (f"{TRANSFERS}?limit=1&limit=2", "limit: give it only once"),
        (f"{TRANSFERS}?cursor=AAAA", "cursor: write next_cursor of the previous answer"),
        (f"{TRANSFERS}?cursor=%00", "cursor: "),
        (
            f"{TRANSFERS}?page=2",
            "unknown parameter page; valid parameters: status, origin, destination, address, limit, cursor",
        ),
        (f"{TRANSFERS}?%1B[31m=2", "unknown parameter; valid"),
        (f"{TRANSFERS}/0x12", "write a transfer id or a transaction hash: 0x and 64 hex digits"),
        (f"{TRANSFERS}/0x{'zz' * 32}", "write a transfer id"),
        (f"{TRANSFERS}/0x{'ab' * 32}?limit=1", "unknown parameter limit; valid parameters: none"),
        ("/api/v1/alerts?state=closed", "state: write open or resolved"),
        ("/api/v1/alerts?status=XCalled", "unknown parameter status; valid parameters: state, limit, cursor"),
        ("/api/v1/chains?limit=1", "unknown parameter limit; valid parameters: none"),
    ],
)
async def test_a_bad_parameter_is_400_with_words_that_name_it(
    client: aiohttp.ClientSession, path: str, words: str
) -> None:
    body = await get(client, path, 400)
    assert set(body) == {"error"}
    assert body["error"].startswith(words)


async def test_a_cursor_of_another_list_is_refused(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(nonce).xcalled() for nonce in range(2)])
    cursor = (await get(client, f"{TRANSFERS}?limit=1"))["next_cursor"]
    assert "cursor" in (await get(client, f"/api/v1/alerts?cursor={cursor}", 400))["error"]
