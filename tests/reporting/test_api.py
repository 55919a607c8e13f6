"""What the API answers about one transfer, chains, alerts and statistics."""

from dataclasses import replace

import aiohttp
import pytest
from eth_utils.address import to_checksum_address

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.chain_status import ChainStatus, RequestKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Hash32, Timestamp
from connext_monitor.store.store import Store
from tests.reporting.api_client import STATS, TRANSFERS, get
from tests.world.kinds import chain_unobserved, overdue
from tests.world.two_chains import (
    ASSET,
    AT,
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


async def test_a_transfer_to_an_unwatched_chain_has_no_deadlines(client: aiohttp.ClientSession, store: Store) -> None:
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


async def test_a_transaction_of_several_transfers_gives_a_list_in_log_order(
    client: aiohttp.ClientSession, store: Store
) -> None:
    together = Hash32(b"t" * 32)
    samples = [Sample(nonce) for nonce in (3, 1, 2)]
    await fill(
        store, [sample.xcalled(tx_hash=together, log_index=log_index) for log_index, sample in enumerate(samples)]
    )
    body = await get(client, f"{TRANSFERS}/0x{together.hex()}")
    assert [item["transfer_id"] for item in body["items"]] == [sample.hex_id for sample in samples]
    assert body["next_cursor"] is None


async def test_an_id_is_read_in_either_case_and_without_its_prefix(client: aiohttp.ClientSession, store: Store) -> None:
    sample = Sample(nonce=1)
    await fill(store, [sample.xcalled()])
    assert (await get(client, f"{TRANSFERS}/{sample.id.hex().upper()}"))["transfer_id"] == sample.hex_id


async def test_an_id_that_nobody_knows_is_404_with_words(client: aiohttp.ClientSession) -> None:
    body = await get(client, f"{TRANSFERS}/0x{'ab' * 32}", 404)
    assert "no transfer has this id" in body["error"]


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
    await store.alerts.open_decided([(sample.id, lambda _watched: alert)], lambda _alert: ())


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
                "simulated_execution": None,
                "inhibited_by": None,
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
    here, there = (chain_unobserved(name, AT, silent_for=200, waiting=0, why="no answer") for name in ("here", "there"))
    for alert in (here, there):
        await store.alerts.open(alert, ())
    await store.alerts.resolve(ResolveAlert.of(here, Resolution.OBSERVED), AT)


async def test_alert_cursors_lead_through_the_whole_list(client: aiohttp.ClientSession, store: Store) -> None:
    await two_alerts(store)
    first = await get(client, "/api/v1/alerts?limit=1")
    second = await get(client, f"/api/v1/alerts?limit=1&cursor={first['next_cursor']}")
    assert [item["subject"] for body in (first, second) for item in body["items"]] == ["there", "here"]
    assert second["next_cursor"] is None


async def test_stats_cover_the_last_day_by_the_hour_by_default(client: aiohttp.ClientSession, store: Store) -> None:
    young, old = Sample(1, START - 3_600), Sample(2, START - 2 * 86_400)
    await fill(store, [young.xcalled(), young.executed(), old.xcalled()])
    day, week = await get(client, STATS), await get(client, f"{STATS}?since=P7D&bucket=P1D")
    assert [(day[name]) for name in ("since", "until")] == ["2026-01-01T03:04:06Z", "2026-01-02T03:04:06Z"]
    assert [body["pathways"][0]["begun"] for body in (day, week)] == [1, 2]
    assert [body["timeline"]["bucket_seconds"] for body in (day, week)] == [3_600, 86_400]
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
