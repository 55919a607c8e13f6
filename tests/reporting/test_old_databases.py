"""The API's documents of what an earlier version recorded are those that it gave then."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connext_monitor.store.store import Store
from tests.reporting.api_client import TRANSFERS, get
from tests.world import old_database as old
from tests.world.migrated import SHAPES, open_migrated

DONE = {
    "transfer_id": f"0x{old.DONE.hex()}",
    "status": "CompletedFast",
    "origin": {"chain": "here", "domain_id": 1001},
    "destination": {"chain": "there", "domain_id": 1002},
    "nonce": "0",
    "asset": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    "amount": "5000000000000000000",
    "bridged_amount": "5000000000000000000",
    "to": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB",
    "sender": "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
    "routers": ["0xDDdDddDdDdddDDddDDddDDDDdDdDDdDDdDDDDDDd", "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"],
    "path": "fast",
    "xcalled": {
        "block_number": 1000,
        "block_hash": f"0x{old.AT:064x}",
        "tx_hash": f"0x{b'xcalled'.hex()}{'2d' * 17}{'00' * 8}",
        "timestamp": "2026-01-02T03:04:05Z",
    },
    "executed": {
        "block_number": 1060,
        "block_hash": f"0x{old.AT + 60:064x}",
        "tx_hash": f"0x{b'executed'.hex()}{'2d' * 16}{'00' * 8}",
        "timestamp": "2026-01-02T03:05:05Z",
    },
    "reconciled": {
        "block_number": 4600,
        "block_hash": f"0x{old.AT + 3600:064x}",
        "tx_hash": f"0x{b'reconciled'.hex()}{'2d' * 14}{'00' * 8}",
        "timestamp": "2026-01-02T04:04:05Z",
    },
    "deadlines": {
        "execute": {"due_at": "2026-01-02T03:09:05Z", "state": "met"},
        "reconcile": {"due_at": "2026-01-02T06:04:05Z", "state": "met"},
    },
}
STANDING = {
    old.PHANTOM: ("Unknown", None),
    old.DONE: ("CompletedFast", ("met", "met")),
    old.LATE: ("XCalled", ("overdue", "pending")),
    old.ARRIVED_LATE: ("Executed", ("late", "pending")),
    old.UNDER_WAY: ("XCalled", ("pending", "pending")),
}
"""Each transfer's status, and the states of its deadlines."""


@pytest.fixture(params=SHAPES)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def store(database: Path, revision: str) -> AsyncIterator[Store]:
    """A file of that revision, opened by today's code."""
    store = await open_migrated(database, revision)
    yield store
    await store.close()


def standing(transfer: dict[str, Any]) -> tuple[str, tuple[str, str] | None]:
    deadlines = transfer["deadlines"]
    return transfer["status"], deadlines and (deadlines["execute"]["state"], deadlines["reconcile"]["state"])


async def test_old_transfers_have_the_documents_that_they_had(client: aiohttp.ClientSession) -> None:
    assert await get(client, f"{TRANSFERS}/{DONE['transfer_id']}") == DONE
    listed = (await get(client, TRANSFERS))["items"]
    assert {transfer["transfer_id"]: standing(transfer) for transfer in listed} == {
        f"0x{transfer_id.hex()}": expected for transfer_id, expected in STANDING.items()
    }


async def test_old_alerts_have_the_documents_that_they_had(client: aiohttp.ClientSession, revision: str) -> None:
    alerts = {alert["id"]: alert for alert in (await get(client, "/api/v1/alerts"))["items"]}
    unobserved, ended = alerts[old.UNOBSERVED_ALERT], alerts[old.ARRIVED_ALERT]
    assert (unobserved["kind"], unobserved["severity"], unobserved["state"]) == ("chain_unobserved", "warning", "open")
    assert "covered for 2 min (no endpoint answers)" in unobserved["text"]
    assert (ended["state"], ended["resolution"]) == ("resolved", "executed")
    assert (ended["opened_at"], ended["resolved_at"]) == ("2026-01-02T03:09:06Z", "2026-01-02T03:10:36Z")
    assert ended["text"] == "Arrived 1 min 30 s after it was due."
    known_then = {kind for kind, first in old.KINDS_SINCE.items() if first <= revision}
    assert {alert["kind"] for alert in alerts.values()} == known_then
