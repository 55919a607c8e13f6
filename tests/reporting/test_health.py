import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.store.store import Store
from tests.reporting.api_client import get
from tests.world.two_chains import ORIGIN, Sample, chain_status, covered, fill, out_of_sight, unjudging

NOT_ANSWERED = "transferStatus is not answered: node.example refused eth_call"


async def test_it_is_healthy_while_the_database_answers(client: aiohttp.ClientSession) -> None:
    assert await get(client, "/healthz") == {"status": "ok"}


async def test_it_is_not_healthy_when_the_database_does_not_answer(
    client: aiohttp.ClientSession, database: Path
) -> None:
    with sqlite3.connect(database) as broken:
        broken.execute("DROP TABLE alerts")
    broken.close()
    assert await get(client, "/healthz", 503) == {"error": "the database does not answer"}


async def test_it_is_ready_when_every_chain_is_observed_and_caught_up(client: aiohttp.ClientSession) -> None:
    assert await get(client, "/readyz") == {"ready": True, "reasons": []}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (out_of_sight(), "here is not observed (node.example refused the connection)"),
        (replace(chain_status(), caught_up=False), "here is not caught up"),
        (
            replace(chain_status(), nonce_trouble="node.example refused eth_call"),
            "here does not report its nonce, so missing transfers would go unnoticed (node.example refused eth_call)",
        ),
        (unjudging(), f"here has 3 legs past due that cannot be judged: {NOT_ANSWERED}"),
        (replace(chain_status(), final_still_for=11_000.0), "here has had no new final block for 3 h 3 min"),
        (
            replace(chain_status(), final_still_for=11_000.0, final_trouble="host refused it"),
            "here has had no new final block for 3 h 3 min (host refused it)",
        ),
    ],
)
async def test_it_is_not_ready_while_a_chain_is_behind(
    client: aiohttp.ClientSession, statuses: list[ChainStatus], changed: ChainStatus, reason: str
) -> None:
    statuses[0] = changed
    assert await get(client, "/readyz", 503) == {"ready": False, "reasons": [reason]}


async def test_a_hole_in_the_nonces_is_a_reason_too(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(5).xcalled(), Sample(7).xcalled()], progress=[covered(ORIGIN, first=5, upcoming=8)])
    reasons = (await get(client, "/readyz", 503))["reasons"]
    assert reasons == ["here has a hole in its nonces: 6 was not seen, and the next is 8"]


async def test_it_is_not_ready_before_any_chain_is_watched(
    client: aiohttp.ClientSession, statuses: list[ChainStatus]
) -> None:
    statuses.clear()
    assert (await get(client, "/readyz", 503))["ready"] is False


async def test_many_readers_at_once_are_all_answered(client: aiohttp.ClientSession, store: Store) -> None:
    await fill(store, [Sample(nonce).xcalled() for nonce in range(100)])
    bodies = await asyncio.gather(*(get(client, "/api/v1/transfers?limit=100") for _ in range(30)))
    assert all(len(body["items"]) == 100 for body in bodies)
