"""What the turn of writers is for: two that open the same alerts at once."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.connection import Connection
from connext_monitor.store.store import Store
from connext_monitor.store.turn import GuestTurn, WriteTurn
from tests.world import postgres
from tests.world.kinds import provider_failing
from tests.world.recording import NAMES, NOW

pytestmark = pytest.mark.server

ALERTS = 50


class NoTurn:
    """A mistake: nobody waits for anybody."""

    def begin(self, connection: Connection) -> None:
        """See `WriteTurn`."""

    def hold(self) -> None:
        """See `WriteTurn`."""

    def committed(self) -> None:
        """See `WriteTurn`."""

    def lost(self) -> None:
        """See `WriteTurn`."""


@pytest.fixture
def url(server: postgres.Server) -> Iterator[DatabaseUrl]:
    with server.database() as url:
        yield url


async def deliveries_of_two(url: DatabaseUrl, turn: WriteTurn) -> int:
    """How many there are once two writers have opened the same alerts at once, each for one channel."""
    stores = [await Store.open(url, NAMES, migrate=False, turn=turn) for _ in range(2)]
    alerts = [provider_failing(f"channel {number}", NOW, reason="refuses", dead=False) for number in range(ALERTS)]
    for alert in alerts:
        await asyncio.gather(*(store.alerts.open(alert, ["ops"]) for store in stores), return_exceptions=True)
    for store in stores:
        await store.close()
    with closing(psycopg.connect(url.get_secret_value())) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM deliveries")
    return int(count)


async def test_what_two_open_at_once_is_delivered_once(url: DatabaseUrl) -> None:
    assert await deliveries_of_two(url, GuestTurn()) == ALERTS


async def test_without_the_turn_what_two_open_at_once_is_doubled(url: DatabaseUrl) -> None:
    assert await deliveries_of_two(url, NoTurn()) > ALERTS
