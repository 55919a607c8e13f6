"""A server whose processes stand still: the system takes what is sent to it, and nothing ever comes back."""

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

import pytest
from psycopg.waiting import Ready, Wait

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.ownership import Instance, Lease
from connext_monitor.store import lease
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import server_of
from connext_monitor.store.errors import DatabaseUnavailableError, TermOverError
from connext_monitor.store.postgres import PostgresServer
from connext_monitor.store.postgres_waiting import SilentServerError, sending
from connext_monitor.store.server_limits import ServerLimits
from connext_monitor.store.store import Store
from connext_monitor.store.turn import TermTurn
from tests.world import postgres
from tests.world.recording import NAMES
from tests.world.waiting import BOUND, until

pytestmark = pytest.mark.server

ME = Instance("left", "1.0", "same")


@contextmanager
def standing_still(server: postgres.Server, *connections: Connection) -> Iterator[None]:
    """The server, and only meanwhile it is given up soon: one that runs may take its time on a busy machine."""
    with server.standing_still():
        for connection in connections:
            # A server's connection; it is lost with the next question.
            connection.driver.answers_within = 1.0
        yield


def answer(connection: Connection) -> int:
    number: int = connection.run("SELECT 41 + 1").fetchone()[0]
    return number


async def in_time(connection: Connection, work: Callable[[Connection], int]) -> int:
    async with asyncio.timeout(BOUND):
        return await asyncio.to_thread(transact, connection, work)


@pytest.mark.parametrize("kind", ["writer", "reader", "lease"])
async def test_an_answer_is_waited_for_no_longer_than_a_server_needs(
    server: postgres.Server, url: DatabaseUrl, kind: str
) -> None:
    given_up_soon = PostgresServer(url, limits=ServerLimits(connect=2))
    with closing(getattr(PostgresServer(url), kind)()) as connection:
        assert await in_time(connection, answer) == 42
        with standing_still(server, connection), closing(getattr(given_up_soon, kind)()) as not_connected:
            with pytest.raises(connection.error, match="nothing came from it for 1 s"):
                await in_time(connection, answer)
            with pytest.raises(connection.error, match="timeout"):
                await in_time(not_connected, answer)
        assert await in_time(connection, answer) == 42


async def test_a_commit_without_an_answer_ends_the_term(server: postgres.Server, url: DatabaseUrl) -> None:
    with closing(server_of(url).lease()) as connection:
        n = transact(connection, lambda it: lease.take(it, ME, "a", Lease(None, 0)))
    assert n is not None
    over: list[str] = []
    store = await Store.open(url, NAMES, migrate=False, turn=TermTurn("a", n, over.append))
    writers: list[Connection] = []
    await store.database.write(writers.append)
    with standing_still(server, *writers):
        async with asyncio.timeout(BOUND):
            with pytest.raises(DatabaseUnavailableError, match="the database server does not answer"):
                await store.database.write(answer)
    assert over == ["the connection to the database server was lost"]
    with pytest.raises(TermOverError):
        await store.database.write(answer)
    await store.close()


async def test_nobody_waits_for_a_silent_server_to_close_a_store(server: postgres.Server, url: DatabaseUrl) -> None:
    store = await Store.open(url, NAMES)
    begun: list[str] = []

    def work(connection: Connection) -> None:
        connection.before = begun.append
        answer(connection)

    await store.database.write(work)
    await store.database.read(answer)
    begun.clear()
    loop = asyncio.get_running_loop()
    with server.standing_still():
        calls = [asyncio.ensure_future(call(answer)) for call in (store.database.write, store.database.read)]
        await until(lambda: begun)
        began = loop.time()
        await store.close()
        assert loop.time() - began < BOUND / 2
        assert not any(call.done() for call in calls)
    await asyncio.gather(*calls, return_exceptions=True)


class _AllSent:
    """Of a connection, what is asked about sending."""

    def flush(self) -> int:
        return 0


def test_any_sign_of_life_begins_the_wait_anew() -> None:
    def waits() -> Generator[Wait, Ready, None]:
        while True:
            yield Wait.R

    looks = sending(_AllSent(), waits(), 1.0)
    next(looks)
    for seen in (Ready.NONE, Ready.R, Ready.NONE):
        assert looks.send(seen) == Wait.R
    with pytest.raises(SilentServerError):
        looks.send(Ready.NONE)
