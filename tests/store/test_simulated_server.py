"""The simulation's way to a server keeps what the real way to a real one does, wherever a store meets it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import TroubleKind
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.ownership import Instance, Lease
from connext_monitor.store import channels, lease
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import FindServer, Server, server_of
from connext_monitor.store.errors import (
    DatabaseError,
    DatabaseNotOpenedError,
    DatabaseUnavailableError,
    TermOverError,
)
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.store import Store
from connext_monitor.store.turn import TermTurn, WriteTurn
from tests.simulation.link import Link
from tests.simulation.loop import Time
from tests.simulation.server import SimulatedServer
from tests.world import postgres
from tests.world.recording import NAMES, NOW

ME, OTHER = Instance("me", "1.0", "same"), Instance("other", "1.0", "same")
FREE = Lease(None, 0)


@dataclass(frozen=True)
class Way:
    """How a process comes to a database on a server; while it is ``refusing``, nobody comes to it."""

    url: DatabaseUrl
    server: FindServer
    executor: MakeExecutor
    refusing: Callable[[], AbstractContextManager[None]]

    @property
    def engine(self) -> Server:
        return self.server(self.url)

    @asynccontextmanager
    async def store(self, turn: WriteTurn | None = None) -> AsyncIterator[Store]:
        opened = await Store.open(self.url, NAMES, executor=self.executor, server=self.server, turn=turn)
        try:
            yield opened
        finally:
            await opened.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Store]:
        opened = await Store.open_readonly(self.url, NAMES, executor=self.executor, server=self.server)
        try:
            yield opened
        finally:
            await opened.close()

    def take(self, who: Instance, token: str, seen: Lease) -> int:
        """Take the lease; where the turn of writers stands then."""
        with closing(self.engine.lease()) as connection:
            stands = transact(connection, lambda it: lease.take(it, who, token, seen))
        assert stands is not None
        return stands


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.server)])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    if request.param == "real":
        server: postgres.Server = request.getfixturevalue("server")
        url: DatabaseUrl = request.getfixturevalue("url")
        yield Way(url, server_of, Threads, lambda: server.refusing(url))
        return
    simulated = SimulatedServer(Time(), ())
    link = Link(simulated, 0, lambda: None)
    assert isinstance(link.database, DatabaseUrl)
    yield Way(link.database, link.server, link.executor, partial(refusing, simulated))
    link.close()


@contextmanager
def refusing(server: SimulatedServer) -> Iterator[None]:
    server.down = True
    server.connections += 1
    yield
    server.rise()


def save_channel(connection: Connection, name: str) -> None:
    channels.save_channel(connection, name, ChannelState.OK, None, NOW)


async def write(store: Store, name: str) -> None:
    await store.database.write(partial(save_channel, name=name))


async def names(store: Store) -> list[str]:
    return [row.provider for row in await store.outbox.channels()]


def set_revision(connection: Connection) -> None:
    connection.run("UPDATE alembic_version SET version_num = '9999'")


async def test_what_one_writes_is_read_by_all(way: Way) -> None:
    async with way.store() as first, way.store() as second, way.reading() as third:
        await write(first, "a")
        await write(second, "b")
        for store in (first, second, third):
            assert await names(store) == ["a", "b"]


Opens = Callable[[Way], AbstractAsyncContextManager[Store]]


@pytest.mark.parametrize("opens", [Way.store, Way.reading], ids=["to write", "to read"])
async def test_a_server_that_refuses_cannot_be_opened(way: Way, opens: Opens) -> None:
    with way.refusing(), pytest.raises(DatabaseNotOpenedError) as refused:
        async with opens(way):
            pass
    trouble = refused.value.trouble
    assert trouble.kind is TroubleKind.SERVER
    assert trouble.words.startswith("the database server cannot be used (")
    assert str(refused.value) == f"{way.url} cannot be opened: {trouble.words}. {trouble.cure}"
    async with opens(way) as store:
        assert await names(store) == []


async def test_a_server_that_refuses_later_is_used_again_once_it_does_not(way: Way) -> None:
    async with way.store() as store:
        await write(store, "before")
        with way.refusing():
            for work in (write(store, "meanwhile"), names(store)):
                with pytest.raises(DatabaseUnavailableError) as refused:
                    await work
                assert refused.value.trouble.kind is TroubleKind.SERVER
                assert refused.value.trouble.words.startswith("the database server cannot be used (")
        await write(store, "after")
        assert await names(store) == ["after", "before"]


async def test_a_lost_connection_ends_an_owners_term_and_no_guests(way: Way) -> None:
    over: list[str] = []
    turn = TermTurn("mine", way.take(ME, "mine", FREE), over.append)
    async with way.store(turn) as owner, way.store() as guest:
        await write(owner, "before")
        with way.refusing(), pytest.raises(DatabaseUnavailableError):
            await write(owner, "meanwhile")
        assert over == ["the connection to the database server was lost"]
        with pytest.raises(TermOverError):
            await write(owner, "late")
        with pytest.raises(DatabaseUnavailableError):
            await write(guest, "lost too")
        await write(guest, "after")
        assert await names(guest) == ["after", "before"]


async def test_an_owner_whose_lease_another_took_commits_nothing(way: Way) -> None:
    over: list[str] = []
    turn = TermTurn("mine", way.take(ME, "mine", FREE), over.append)
    async with way.store(turn) as owner, way.store() as guest:
        await write(owner, "before")
        way.take(OTHER, "theirs", Lease("mine", 0))
        with pytest.raises(TermOverError) as deposed:
            await write(owner, "late")
        assert deposed.value.trouble.kind is TroubleKind.DEPOSED
        assert over == [deposed.value.trouble.words]
        assert await names(guest) == ["before"]


@pytest.mark.parametrize("opens", [Way.store, Way.reading], ids=["to write", "to read"])
async def test_a_newer_schema_is_refused_and_is_no_trouble_of_the_server(way: Way, opens: Opens) -> None:
    async with way.store() as store:
        await store.database.write(set_revision)
    with pytest.raises(DatabaseError, match="newer version") as refused:
        async with opens(way):
            pass
    assert str(refused.value).startswith(f"{way.url} ")
    assert not isinstance(refused.value, DatabaseNotOpenedError)


def test_what_else_goes_wrong_is_said_in_the_same_words(way: Way) -> None:
    engine = way.engine
    assert engine.trouble_of(ValueError("it is ours")) is None
    assert str(engine.unreadable(ValueError("no such thing"))) == "the database could not be read (no such thing)"
    silent = engine.files().unanswered(12.4)
    assert (silent.kind, silent.words) == (TroubleKind.SERVER, "the database server has not answered for 12 s")
    assert engine.files().look() is None
