from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from eth_utils.address import to_checksum_address

from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.chain_status import ChainStatus, RequestKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Hash32, Timestamp
from connext_monitor.store.store import Store
from tests.world.kinds import chain_unobserved, overdue
from tests.world.two_chains import (
    ASSET,
    AT,
    DESTINATION,
    EXECUTE,
    ORIGIN,
    RECIPIENT,
    ROUTER,
    SENDER,
    START,
    Sample,
    chain_status,
    covered,
    fill,
)

TRANSFERS = "/api/v1/transfers"


async def get(client: aiohttp.ClientSession, path: str, expected: int = 200) -> Any:
    async with client.get(path) as response:
        body = await response.json()
        assert response.status == expected, body
        return body


async def test_a_transfer_has_exactly_the_documented_shape(client: aiohttp.ClientSession, store: Store) -> None:
    sample = Sample(nonce=7)
    await fill(store, [sample.xcalled(), sample.executed()])
    assert await get(client, f"{TRANSFERS}/{sample.hex_id}") == {
        "transfer_id": sample.hex_id,
        "status": "Executed",
        "origin": {"chain": "here", "domain_id": 1001},
        "destination": {"chain": "there", "domain_id": 1002},
        "nonce": "7",
        "asset": to_checksum_address(ASSET),
        "amount": "5000000000000000000",
        "bridged_amount": "5000000000000000000",
        "to": to_checksum_address(RECIPIENT),
        "sender": to_checksum_address(SENDER),
        "routers": [to_checksum_address(ROUTER)],
        "path": "fast",
        "xcalled": {
            "block_number": 1000,
            "block_hash": f"0x{START:064x}",
            "tx_hash": f"0x{sample.tx_hash('xcalled').hex()}",
            "timestamp": "2026-01-02T03:04:05Z",
        },
        "executed": {
            "block_number": 1060,
            "block_hash": f"0x{START + 60:064x}",
            "tx_hash": f"0x{sample.tx_hash('executed').hex()}",
            "timestamp": "2026-01-02T03:05:05Z",
        },
        "reconciled": None,
        "deadlines": {
            "execute": {"due_at": "2026-01-02T03:09:05Z", "state": "met"},
            "reconcile": {"due_at": "2026-01-02T06:04:05Z", "state": "pending"},
        },
    }


async def test_a_transfer_to_a_chain_that_nobody_watches_has_no_deadlines(
    client: aiohttp.ClientSession, store: Store
) -> None:
    sample = Sample(nonce=1, destination=DomainId(9))
    await fill(store, [sample.xcalled()])
    body = await get(client, f"{TRANSFERS}/{sample.hex_id}")
    assert body["deadlines"] is None
    assert body["destination"] == {"chain": None, "domain_id": 9}


async def test_a_transfer_is_found_by_any_of_its_transactions(client: aiohttp.ClientSession, store: Store) -> None:
    sample = Sample(nonce=1)
    await fill(store, [sample.xcalled(), sample.executed()])
    for kind in ("xcalled", "executed"):
        body = await get(client, f"{TRANSFERS}/0x{sample.tx_hash(kind).hex()}")
        assert body["transfer_id"] == sample.hex_id


async def test_a_transaction_of_several_transfers_is_answered_with_their_list_in_log_order(
    client: aiohttp.ClientSession, store: Store
) -> None:
    together = Hash32(b"t" * 32)
    samples = [Sample(nonce) for nonce in (3, 1, 2)]
    await fill(store, [one.xcalled(tx_hash=together, log_index=place) for place, one in enumerate(samples)])
    body = await get(client, f"{TRANSFERS}/0x{together.hex()}")
    assert [item["transfer_id"] for item in body["items"]] == [one.hex_id for one in samples]
    assert body["next_cursor"] is None


async def test_an_id_is_read_in_either_case_and_without_its_prefix(client: aiohttp.ClientSession, store: Store) -> None:
    sample = Sample(nonce=1)
    await fill(store, [sample.xcalled()])
    assert (await get(client, f"{TRANSFERS}/{sample.id.hex().upper()}"))["transfer_id"] == sample.hex_id


async def test_an_id_that_nobody_knows_is_404_with_words(client: aiohttp.ClientSession) -> None:
    body = await get(client, f"{TRANSFERS}/0x{'ab' * 32}", 404)
    assert "no transfer has this id" in body["error"]


async def test_lists_are_newest_first_and_end_with_a_null_cursor(client: aiohttp.ClientSession, store: Store) -> None:
    samples = [Sample(nonce, START + nonce) for nonce in range(3)]
    await fill(store, [one.xcalled() for one in samples])
    body = await get(client, TRANSFERS)
    assert set(body) == {"items", "next_cursor"}
    assert [item["nonce"] for item in body["items"]] == ["2", "1", "0"]
    assert body["next_cursor"] is None


async def test_cursors_lead_through_the_whole_list_while_new_transfers_arrive(
    client: aiohttp.ClientSession, store: Store
) -> None:
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


async def test_fifty_items_are_given_unless_told_otherwise(client: aiohttp.ClientSession, store: Store) -> None:
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


async def test_a_chain_has_exactly_the_documented_shape(
    client: aiohttp.ClientSession, store: Store, statuses: list[ChainStatus]
) -> None:
    asked = {RequestKind("node.example", "eth_getLogs", "answered"): 3}
    statuses[:] = [replace(chain_status(ORIGIN), requests=asked)]
    await fill(store, [Sample(0).xcalled()], progress=[covered(ORIGIN, first=0, upcoming=1)])
    assert await get(client, "/api/v1/chains") == {
        "items": [
            {
                "name": "here",
                "chain_id": 32338,
                "domain_id": 1001,
                "head": 1201,
                "watermark": "2026-01-02T03:04:01Z",
                "lag_seconds": 4,
                "observed": True,
                "endpoint": "node.example",
                "nonces_contiguous": True,
                "nonce_holes": {"found": 0, "closed": 0},
                "requests": [{"endpoint": "node.example", "method": "eth_getLogs", "outcome": "answered", "count": 3}],
            }
        ],
        "next_cursor": None,
    }


async def open_overdue(store: Store, sample: Sample) -> None:
    alert = overdue(sample.id, Leg.EXECUTE, Timestamp(sample.started_at + EXECUTE), AT)
    await store.open_overdue(sample.id, lambda _watched: alert, lambda _alert: ())


async def test_an_alert_has_exactly_the_documented_shape(client: aiohttp.ClientSession, store: Store) -> None:
    sample = Sample(1, START - 400)
    await fill(store, [sample.xcalled()])
    await open_overdue(store, sample)
    assert await get(client, "/api/v1/alerts?state=open") == {
        "items": [
            {
                "id": f"execute_overdue:{sample.hex_id}",
                "kind": "execute_overdue",
                "severity": "critical",
                "subject": sample.hex_id,
                "state": "open",
                "opened_at": "2026-01-02T03:04:05Z",
                "resolved_at": None,
                "resolution": None,
                "title": "Execution overdue: here → there",
                "text": "Due 1 min 40 s before this alert, and the recipient has not received the funds.",
                "links": [
                    {"name": "XCalled", "url": f"https://here.example/tx/0x{sample.tx_hash('xcalled').hex()}"},
                    {"name": "Recipient", "url": f"https://there.example/address/{to_checksum_address(RECIPIENT)}"},
                ],
            }
        ],
        "next_cursor": None,
    }


async def test_an_open_overdue_alert_shows_in_the_transfers_deadline(
    client: aiohttp.ClientSession, store: Store
) -> None:
    sample = Sample(1, START - 400)
    await fill(store, [sample.xcalled()])
    await open_overdue(store, sample)
    assert (await get(client, f"{TRANSFERS}/{sample.hex_id}"))["deadlines"]["execute"]["state"] == "overdue"


@pytest.mark.parametrize(("query", "count"), [("", 2), ("?state=open", 1), ("?state=resolved", 1)])
async def test_alerts_are_filtered_by_state(
    client: aiohttp.ClientSession, store: Store, query: str, count: int
) -> None:
    await two_alerts(store)
    assert len((await get(client, f"/api/v1/alerts{query}"))["items"]) == count


async def two_alerts(store: Store) -> None:
    for name in ("here", "there"):
        await store.open_alert(chain_unobserved(name, AT, silent_for=200, waiting=0, why="no answer"), ())
    await store.resolve_alert(f"chain_unobserved:here:{AT:%Y%m%dT%H%M%S.%fZ}", Resolution.OBSERVED, AT)


async def test_alert_cursors_lead_through_the_whole_list(client: aiohttp.ClientSession, store: Store) -> None:
    await two_alerts(store)
    first = await get(client, "/api/v1/alerts?limit=1")
    second = await get(client, f"/api/v1/alerts?limit=1&cursor={first['next_cursor']}")
    assert [item["subject"] for body in (first, second) for item in body["items"]] == ["there", "here"]
    assert second["next_cursor"] is None


STATS = "/api/v1/stats"


async def test_stats_are_of_the_last_day_by_the_hour_unless_told_otherwise(
    client: aiohttp.ClientSession, store: Store
) -> None:
    young, old = Sample(1, START - 3_600), Sample(2, START - 2 * 86_400)
    await fill(store, [young.xcalled(), young.executed(), old.xcalled()])
    day, week = await get(client, STATS), await get(client, f"{STATS}?since=P7D&bucket=P1D")
    assert [(day[name]) for name in ("since", "until")] == ["2026-01-01T03:04:06Z", "2026-01-02T03:04:06Z"]
    assert [one["pathways"][0]["begun"] for one in (day, week)] == [1, 2]
    assert [one["timeline"]["bucket_seconds"] for one in (day, week)] == [3_600, 86_400]
    assert day["pathways"][0]["execute"]["latency_seconds"] == {"p50": 60, "p95": 60, "p99": 60}
    assert day["routers"][0]["router"] == to_checksum_address(ROUTER)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=1d", "since: is not an ISO 8601 duration"),
        ("origin=mars", "origin: write a chain's name"),
        ("bucket=PT0.5S", "bucket: is shorter than a second"),
        ("since=P30D&bucket=PT1M", "bucket: makes more than 1000 buckets"),
        ("until=now", "unknown parameter until"),
    ],
)
async def test_stats_refuse_what_they_cannot_give(client: aiohttp.ClientSession, query: str, words: str) -> None:
    assert words in (await get(client, f"{STATS}?{query}", 400))["error"]
