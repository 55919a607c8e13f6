"""Who may write to a server's database: the lease, the turn of writers, and what ends a term."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import Any, TypeVar

import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.handover import Handover
from connext_monitor.core.ownership import Instance, Lease
from connext_monitor.store import channels, lease, migration, schema_revision
from connext_monitor.store.connection import COMMIT, Connection, transact
from connext_monitor.store.engine import engine_of, server_of
from connext_monitor.store.errors import DatabaseUnavailableError, TermOverError
from connext_monitor.store.postgres_connection import postgres_migrator
from connext_monitor.store.store import Store
from connext_monitor.store.turn import TermTurn
from tests.world import postgres
from tests.world.recording import NAMES, NOW

pytestmark = pytest.mark.server
T = TypeVar("T")

FIRST, SECOND = Instance("first", "1.0", "same"), Instance("second", "1.0", "same")
FREE = Lease(None, 0)


class Owner:
    """A term on the database."""

    def __init__(self, store: Store, over: list[str]) -> None:
        self.store = store
        self.over = over
        """Why it is over, once it is."""

    async def write(self, name: str) -> None:
        await self.store.database.write(partial(save_channel, name=name))


Begin = Callable[[str, Lease], Any]


@pytest.fixture
async def begin(url: DatabaseUrl, connection: Connection) -> AsyncIterator[Begin]:
    """Takes the lease as it was seen, and begins a term."""
    stores: list[Store] = []

    async def begin(token: str, seen: Lease) -> Owner:
        n = transact(connection, lambda it: lease.take(it, FIRST, token, seen))
        assert n is not None
        over: list[str] = []
        stores.append(await Store.open(url, NAMES, migrate=False, turn=TermTurn(token, n, over.append)))
        return Owner(stores[-1], over)

    yield begin
    for store in stores:
        await store.close()


@pytest.fixture
async def guest(url: DatabaseUrl) -> AsyncIterator[Store]:
    store = await Store.open(url, NAMES, migrate=False)
    yield store
    await store.close()


def save_channel(connection: Connection, name: str) -> None:
    channels.save_channel(connection, name, ChannelState.OK, None, NOW)


async def names(store: Store) -> list[str]:
    return [row.provider for row in await store.outbox.channels()]


def test_a_lease_is_taken_only_as_it_was_seen(connection: Connection) -> None:
    assert transact(connection, lambda it: lease.take(it, FIRST, "a", FREE)) == 0
    assert transact(connection, lambda it: lease.take(it, SECOND, "b", FREE)) is None
    assert transact(connection, lambda it: lease.beat(it, FIRST, "a", 1, 0))
    assert transact(connection, lambda it: lease.take(it, SECOND, "b", Lease("a", 0))) is None
    assert transact(connection, lambda it: lease.take(it, SECOND, "b", Lease("a", 1))) == 0
    assert not transact(connection, lambda it: lease.beat(it, FIRST, "a", 2, 0))


def test_a_released_lease_is_free_and_another_s_is_left_alone(connection: Connection) -> None:
    transact(connection, lambda it: lease.take(it, FIRST, "a", FREE))
    transact(connection, lambda it: lease.release(it, "b"))
    assert transact(connection, lambda it: lease.look(it, SECOND, 0)).lease == Lease("a", 0)
    transact(connection, lambda it: lease.release(it, "a"))
    seen = transact(connection, lambda it: lease.look(it, SECOND, 0))
    assert seen.lease.token is None
    assert transact(connection, lambda it: lease.take(it, SECOND, "b", seen.lease)) is not None


async def test_an_owner_that_was_deposed_commits_nothing(begin: Begin, guest: Store) -> None:
    first = await begin("a", FREE)
    await first.write("before")
    second = await begin("b", Lease("a", 0))
    with pytest.raises(TermOverError, match="no longer") as deposed:
        await first.write("late")
    assert deposed.value.trouble.cure.startswith("Nothing has to be done")
    await second.write("after")
    with pytest.raises(TermOverError):
        await first.write("later still")
    assert await names(guest) == ["after", "before"]
    assert len(first.over) == 1
    assert second.over == []


async def test_a_write_under_way_ends_before_another_term_begins(begin: Begin, url: DatabaseUrl, guest: Store) -> None:
    first = await begin("a", FREE)
    refused: list[type[Exception]] = []

    def take_in_vain(connection: Connection) -> None:
        save_channel(connection, "under way")
        connection.run("SELECT 1").fetchone()  # by now it has its turn
        with closing(server_of(url).lease()) as other, suppress(other.error):
            try:
                transact(other, lambda it: lease.take(it, SECOND, "b", Lease("a", 0)))
            except other.error as error:
                refused.append(type(error))
                raise

    await first.store.database.write(take_in_vain)
    assert len(refused) == 1
    second = await begin("b", Lease("a", 0))
    await second.write("after")
    assert await names(guest) == ["after", "under way"]


async def test_an_owner_whose_commits_were_lost_writes_nothing_more(begin: Begin, guest: Store) -> None:
    owner = await begin("a", FREE)
    for name in ("first", "second"):
        await owner.write(name)
    # As a replica that was promoted without the last commit: the row of the turn stands where it stood before.
    await guest.database.write(lambda connection: connection.run("UPDATE turn SET n = n - 1"))
    with pytest.raises(TermOverError):
        await owner.write("on a hole")
    assert "lost what it wrote" in owner.over[0]


async def test_guests_write_beside_an_owner_and_take_turns_with_it(begin: Begin, guest: Store) -> None:
    owner = await begin("a", FREE)
    writes = [guest.database.write(partial(save_channel, name=f"guest {number}")) for number in range(20)]
    await asyncio.gather(*writes, *(owner.write(f"owner {number}") for number in range(20)))
    assert len(await names(guest)) == 40
    assert owner.over == []


@pytest.mark.parametrize("at", ["INSERT", COMMIT])
async def test_a_lost_connection_ends_the_term_whatever_was_committed(
    begin: Begin, guest: Store, connection: Connection, at: str
) -> None:
    owner = await begin("a", FREE)
    await owner.write("before")

    def lose(writer: Connection) -> None:
        def before(statement: str) -> None:
            if statement.startswith(at):
                pid = writer.driver.info.backend_pid
                transact(connection, lambda it: it.run("SELECT pg_terminate_backend(?::int)", (pid,)).fetchone())
                writer.before = None

        writer.before = before
        save_channel(writer, "at the end")

    with pytest.raises(DatabaseUnavailableError):
        await owner.store.database.write(lose)
    assert owner.over == ["the connection to the database server was lost"]
    with pytest.raises(TermOverError):
        await owner.write("after")
    assert await names(guest) == ["before"]


async def test_a_statement_that_fails_ends_no_term(begin: Begin, guest: Store) -> None:
    owner = await begin("a", FREE)
    with pytest.raises(Exception, match="zero"):
        await owner.store.database.write(lambda connection: connection.run("SELECT 1 / 0"))
    await owner.write("after")
    assert await names(guest) == ["after"]


async def test_who_stands_still_in_a_write_loses_its_turn(begin: Begin, guest: Store) -> None:
    owner = await begin("a", FREE)

    def stand_still(connection: Connection) -> None:
        connection.run("SET LOCAL idle_in_transaction_session_timeout = '200ms'")
        save_channel(connection, "half")
        connection.run("SELECT 1").fetchone()  # by now it has its turn
        asyncio.run_coroutine_threadsafe(guest_writes(), loop).result()
        save_channel(connection, "other half")

    async def guest_writes() -> None:
        await guest.database.write(partial(save_channel, name="guest"))

    loop = asyncio.get_running_loop()
    with pytest.raises(DatabaseUnavailableError):
        await owner.store.database.write(stand_still)
    assert await names(guest) == ["guest"]
    assert len(owner.over) == 1


def test_whoever_updates_the_schema_ends_the_term_of_the_owner(server: postgres.Server) -> None:
    write, over = partial(save_channel, name="with the older schema"), list[str]()
    with server.empty_database() as url, ExitStack() as stack:
        older = stack.enter_context(closing(postgres_migrator(url)))
        transact(older, lambda it: migration.upgrade(it, schema_revision.KNOWN[-2]))
        connection = stack.enter_context(closing(server_of(url).lease()))
        turn = transact(connection, lambda it: lease.take(it, FIRST, "a", FREE))
        assert turn is not None
        owner = stack.enter_context(closing(engine_of(url, turn=TermTurn("a", turn, over.append)).writer()))
        transact(owner, write)
        newer = engine_of(url)
        newer.prepare(stack.enter_context(closing(newer.writer())), migrate=True)
        assert not transact(connection, lambda it: lease.beat(it, FIRST, "a", 1, 0))
        with pytest.raises(TermOverError):
            transact(owner, write)
    assert len(over) == 1


def test_a_newer_schema_is_seen_at_the_next_look(connection: Connection) -> None:
    transact(connection, lambda it: it.run("UPDATE alembic_version SET version_num = '9999'"))
    seen = transact(connection, lambda it: lease.look(it, FIRST, 0))
    assert "newer version" in str(seen.wrong_schema)


def test_no_connection_waits_for_ever(connection: Connection) -> None:
    asked = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    limits = transact(connection, lambda it: [it.run(f"SHOW {name}").fetchone()[0] for name in asked])
    assert limits == ["5s", "250ms", "10s"]


def test_instances_are_listed_with_who_owns_the_work_and_their_clocks(connection: Connection) -> None:
    (now_ms,) = transact(connection, lambda it: it.run("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetchone())
    transact(connection, lambda it: lease.look(it, FIRST, now_ms))
    transact(connection, lambda it: lease.take(it, FIRST, "a", FREE))
    transact(connection, lambda it: lease.look(it, SECOND, now_ms - 600_000))
    first, second = transact(connection, lease.listed)
    assert (first.name, second.name, second.owns_since) == ("first", "second", None)
    assert first.owns_since is not None
    assert abs(first.owns_since - now_ms / 1000) < 60
    assert -700 < second.ahead < -599
    assert 0 <= second.silent_for < 60
    transact(connection, lambda it: lease.leave(it, SECOND))
    transact(connection, lambda it: lease.release(it, "a"))
    assert [(it.name, it.owns_since) for it in transact(connection, lease.listed)] == [("first", None)]


def test_a_handover_leaves_the_lease_to_one_instance_and_says_why(connection: Connection) -> None:
    transact(connection, lambda it: lease.take(it, FIRST, "a", FREE))
    transact(connection, lambda it: lease.hand_over(it, "b", Handover("third", ())))
    assert transact(connection, lambda it: lease.look(it, SECOND, 0)).lease == Lease("a", 0)
    assert transact(connection, lambda it: lease.sights(it, FIRST)) == ([], None)
    transact(connection, lambda it: lease.hand_over(it, "a", Handover("second", ("alpha",))))
    seen = transact(connection, lambda it: lease.look(it, SECOND, 0))
    assert seen.lease == Lease(None, 1, "second")
    assert seen.unseen == ("alpha",)
    transact(connection, lambda it: lease.take(it, SECOND, "b", seen.lease))
    seen = transact(connection, lambda it: lease.look(it, FIRST, 0))
    assert (seen.lease, seen.unseen) == (Lease("b", 0), ())
    _, since = transact(connection, lambda it: lease.sights(it, FIRST))
    assert since is not None
    assert 0 <= since < 60


def test_who_owns_the_work_asks_what_the_others_see(connection: Connection) -> None:
    transact(connection, lambda it: lease.take(it, FIRST, "a", FREE))
    transact(connection, lambda it: lease.want_sight(it, "another", asks=True))
    assert not transact(connection, lambda it: lease.look(it, SECOND, 0)).sight_wanted
    transact(connection, lambda it: lease.want_sight(it, "a", asks=True))
    assert transact(connection, lambda it: lease.look(it, SECOND, 0)).sight_wanted
    transact(connection, lambda it: lease.show_sight(it, SECOND, {"alpha": BlockNumber(7)}))
    (sight,), _ = transact(connection, lambda it: lease.sights(it, FIRST))
    assert (sight.instance, sight.heads) == ("second", {"alpha": 7})
    assert 0 <= sight.age < 60
    assert transact(connection, lambda it: lease.sights(it, SECOND))[0] == []
    assert [each.sees for each in transact(connection, lease.listed)] == [("alpha",)]
    transact(connection, lambda it: lease.take(it, SECOND, "b", Lease("a", 0)))
    assert not transact(connection, lambda it: lease.look(it, FIRST, 0)).sight_wanted


def test_a_look_need_not_say_that_the_instance_is_there(connection: Connection) -> None:
    transact(connection, lambda it: lease.look(it, FIRST, None))
    assert transact(connection, lease.listed) == []
    transact(connection, lambda it: lease.look(it, FIRST, 0))
    assert [each.name for each in transact(connection, lease.listed)] == ["first"]
