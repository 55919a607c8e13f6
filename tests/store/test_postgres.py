"""What only a server does: many programs at once, lost connections, commits that are none."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.store import bridge_tables, channels, kept_tables, lease_tables
from connext_monitor.store.connection import Connection
from connext_monitor.store.engine import engine_of
from connext_monitor.store.errors import DatabaseError, DatabaseUnavailableError
from connext_monitor.store.schema import metadata
from connext_monitor.store.store import Store
from tests.world import postgres
from tests.world.recording import NAMES, NOW, accuse, put, seen
from tests.world.transfers import info, sighting, xcalled

pytestmark = pytest.mark.server
MANY = 40


@pytest.fixture
def url(server: postgres.Server) -> Iterator[str]:
    with server.database() as url:
        yield url


@pytest.fixture
async def stores(url: str) -> AsyncIterator[list[Store]]:
    """Those of two programs that use one database."""
    stores = [await Store.open(url, NAMES) for _ in range(2)]
    yield stores
    for store in stores:
        await store.close()


def save_channel(connection: Connection, name: str, reason: str | None = None) -> None:
    channels.save_channel(connection, name, ChannelState.OK, reason, NOW)


async def test_alerts_that_two_programs_open_at_once_are_queued_once(stores: list[Store]) -> None:
    calls = [xcalled(info(nonce), sighting(10)) for nonce in range(MANY)]
    await put(stores[0], seen(*calls))
    await asyncio.gather(*(accuse(store, call, "ops") for call in calls for store in stores))
    assert len(await stores[0].outbox.next_deliveries("ops", 10 * MANY)) == MANY


async def test_a_transaction_that_went_on_after_an_error_is_not_committed(stores: list[Store]) -> None:
    def work(connection: Connection) -> None:
        save_channel(connection, "ops")
        try:
            connection.run("SELECT 1 / 0")
        except connection.error:
            return

    with pytest.raises(DatabaseUnavailableError, match="rolled"):
        await stores[0].database.write(work)
    assert await stores[1].outbox.channels() == []


async def test_a_read_sees_one_state_whatever_is_written_meanwhile(stores: list[Store]) -> None:
    first, second = stores
    loop = asyncio.get_running_loop()

    def look(connection: Connection) -> tuple[int, int]:
        def count() -> int:
            number: int = connection.run("SELECT count(*) FROM channels").fetchone()[0]
            return number

        before = count()
        write = second.database.write(partial(save_channel, name="ops"))
        asyncio.run_coroutine_threadsafe(write, loop).result()
        return before, count()

    assert await first.database.read(look) == (0, 0)
    assert len(await first.outbox.channels()) == 1


async def test_after_a_connection_was_lost_the_next_write_makes_another(stores: list[Store]) -> None:
    def end_all(connection: Connection) -> None:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.run(f"SELECT pg_terminate_backend(pid) {others}").fetchall()

    first, second = stores
    await first.database.write(partial(save_channel, name="ops"))
    await second.database.write(end_all)
    with pytest.raises(DatabaseUnavailableError, match="server"):
        await first.database.write(partial(save_channel, name="desk"))
    await first.database.write(partial(save_channel, name="desk"))
    assert [row.provider for row in await second.outbox.channels()] == ["desk", "ops"]


async def test_a_text_with_a_nul_in_it_is_kept_without(stores: list[Store]) -> None:
    await stores[0].database.write(partial(save_channel, name="ops", reason="no\0pe"))
    [channel] = await stores[0].outbox.channels()
    assert channel.reason == "no\N{REPLACEMENT CHARACTER}pe"


async def test_small_numbers_are_added_up_beyond_sixteen_bits(stores: list[Store]) -> None:
    query = "SELECT ? + ?"
    [total] = await stores[0].database.read(lambda connection: connection.run(query, (32767, 1)).fetchone())
    assert total == 32768


def test_migrations_make_what_the_schema_says(url: str) -> None:
    imported = {bridge_tables.bridge_events, kept_tables.fronted, lease_tables.lease}
    assert {table.name for table in imported} <= metadata.tables.keys()
    made = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with made.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    made.dispose()
    assert list(differences) == []


@pytest.mark.usefixtures("server")
async def test_a_password_stands_in_no_words_about_a_server() -> None:
    nowhere = "postgresql://postgres:hunter2@127.0.0.1:1/monitor"
    with pytest.raises(DatabaseError) as refused:
        await Store.open(nowhere, NAMES)
    said = f"{refused.value!r} {refused.value.__cause__!r} {engine_of(nowhere)!r}"
    assert "127.0.0.1" in said
    assert "hunter2" not in said


async def test_an_empty_database_is_migrated_once_by_two_at_once(server: postgres.Server) -> None:
    with server.empty_database() as url:
        stores = await asyncio.gather(*(Store.open(url, NAMES) for _ in range(2)))
        assert [await store.outbox.channels() for store in stores] == [[], []]
        for store in stores:
            await store.close()
