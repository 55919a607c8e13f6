"""What the page and the checks say of the instances that share a database."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from unittest.mock import patch

import aiohttp
import pytest

from connext_monitor.config import ListenAddress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.core.documents.instances import instance_list
from connext_monitor.core.ownership import ListedInstance
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.errors import DatabaseUnavailableError
from connext_monitor.store.store import Store
from tests.reporting.api_client import get
from tests.world.clocks import ManualClock
from tests.world.two_chains import AT, LABELS

OWNER = ListedInstance("left", "1.0", AT.timestamp() - 3600, 2.0, 0.2, ("here", "there"))
OTHER = ListedInstance("right", "1.1", None, 1.0, -600.0, ())

Standby = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def listed(store: Store) -> Iterator[None]:
    """A file has no instances; on a server these are there."""

    async def listed() -> list[ListedInstance]:
        return [OWNER, OTHER]

    with patch.object(store.instances, "listed", listed):
        yield


@asynccontextmanager
async def asking(
    store: Store, statuses: list[ChainStatus], standby: Standby | None
) -> AsyncIterator[aiohttp.ClientSession]:
    server = WebServer(
        ListenAddress("127.0.0.1", 0), store, lambda: statuses, ["ops"], LABELS, ManualClock(AT), standby=standby
    )
    address = await server.start()
    async with aiohttp.ClientSession(f"http://{address}") as session:
        yield session
    await server.stop()


async def page(session: aiohttp.ClientSession, path: str = "/") -> str:
    async with session.get(path) as response:
        return " ".join((await response.text()).split())


def test_a_clock_that_is_hardly_behind_differs_by_no_negative_nothing() -> None:
    [document] = instance_list([replace(OWNER, ahead=-0.04)]).items
    assert f"{document.clock_ahead_seconds:g}" == "0"


async def test_the_page_says_who_owns_the_work(store: Store, statuses: list[ChainStatus]) -> None:
    async with asking(store, statuses, None) as session:
        shown = await page(session)
        assert "owns it</span>" in shown
        assert "1 h ago" in shown
        assert '<td role="cell" data-label="Last heard from">2 s ago</td>' in shown
        assert '<td role="cell" data-label="Clock">10 min behind</td>' in shown
        assert '<td role="cell" data-label="Clock">as the database' in shown
        assert '<td role="cell" data-label="Sees">here, there</td>' in shown
        assert '<td role="cell" data-label="Sees">no chain</td>' in shown
        assert "stands by." not in shown


@pytest.mark.parametrize("path", ["/", "/transfers", "/alerts", "/routers", "/bridge"])
async def test_each_page_of_a_standby_says_so(store: Store, statuses: list[ChainStatus], path: str) -> None:
    async with asking(store, statuses, list) as session:
        shown = await page(session, path)
        assert "This instance stands by. What it shows is what <b>left</b>" in shown


async def test_a_standby_is_ready_while_the_owner_is_alive(store: Store, statuses: list[ChainStatus]) -> None:
    async with asking(store, statuses, list) as session:
        assert await get(session, "/readyz") == {"ready": True, "reasons": []}


async def test_a_standby_is_not_ready_while_nobody_is_known_to_work(store: Store, statuses: list[ChainStatus]) -> None:
    silent = "left, which owns the work, has been silent for 20 s"
    async with asking(store, statuses, lambda: [silent]) as session:
        assert await get(session, "/readyz", 503) == {"ready": False, "reasons": [silent]}
        assert f'<a href="/#instances">{silent}' in (await page(session)).replace("Left, which", "left, which")


async def test_a_standby_is_not_ready_without_its_database(store: Store, statuses: list[ChainStatus]) -> None:
    away = DatabaseUnavailableError(DatabaseTrouble(TroubleKind.SERVER, "the database server cannot be used"))
    async with asking(store, statuses, list) as session:
        with patch.object(store.chains, "nonces", side_effect=away):
            ready = await get(session, "/readyz", 503)
    assert ready["ready"] is False
    assert "the database does not answer: the database server cannot be used" in ready["reasons"][0]
