"""What only a server does: many programs at once, lost connections, commits that are none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from structlog.testing import capture_logs

from connext_monitor.assembly.opened_store import StoreOpening
from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import SystemClock
from connext_monitor.config import DatabaseUrl
from connext_monitor.config.rules import no_deadlines
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.labels import ChainLabels
from connext_monitor.store import bridge_tables, channels, kept_tables, lease_tables
from connext_monitor.store.connection import Connection
from connext_monitor.store.engine import engine_of
from connext_monitor.store.errors import DatabaseError, DatabaseUnavailableError
from connext_monitor.store.examiner import Examiner
from connext_monitor.store.postgres_connection import postgres_migrator
from connext_monitor.store.run_mark import ServerMark
from connext_monitor.store.schema import metadata
from connext_monitor.store.server_limits import ServerLimits
from connext_monitor.store.store import Store
from tests.config.configs import CHAIN, load
from tests.world import postgres
from tests.world.recording import NAMES, NOW, accuse, put, seen
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import until

pytestmark = pytest.mark.server
MANY = 40


@pytest.fixture
async def stores(url: DatabaseUrl) -> AsyncIterator[list[Store]]:
    """Those of two programs that use one database."""
    stores = [await Store.open(url, NAMES) for _ in range(2)]
    yield stores
    for store in stores:
        await store.close()


def save_channel(connection: Connection, name: str, reason: str | None = None) -> None:
    channels.save_channel(connection, name, ChannelState.OK, reason, NOW)


def end_all(connection: Connection) -> None:
    """All other connections to the database are lost."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    connection.run(f"SELECT pg_terminate_backend(pid) {others}").fetchall()


async def test_alerts_that_two_programs_open_at_once_are_queued_once(stores: list[Store]) -> None:
    calls = [xcalled(info(nonce), sighting(10)) for nonce in range(MANY)]
    await put(stores[0], seen(*calls))
    await asyncio.gather(*(accuse(store, call, "ops") for call in calls for store in stores))
    assert len(await stores[0].outbox.next_deliveries("ops", 10 * MANY)) == MANY


async def test_a_transaction_that_went_on_after_an_error_is_not_committed(stores: list[Store]) -> None:
    def work(connection: Connection) -> None:
        save_channel(connection, "ops")
        try:
            connection.run("SELECT 1 / 0").fetchone()
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


async def test_more_than_a_socket_takes_at_once_is_sent_and_answered(stores: list[Store]) -> None:
    def measure(connection: Connection) -> list[int]:
        answers = [connection.run("SELECT octet_length(?::bytea)", (bytes(size),)) for size in (3, 16 << 20, 5)]
        return [answer.fetchone()[0] for answer in reversed(answers)]

    async with asyncio.timeout(60):
        assert await stores[0].database.write(measure) == [5, 16 << 20, 3]


async def test_a_statement_whose_answer_nobody_asked_for_fails_what_follows(stores: list[Store]) -> None:
    def work(connection: Connection) -> None:
        connection.run("SELECT 1 / 0")
        save_channel(connection, "ops")

    for _ in range(3):
        with pytest.raises(Exception, match="division by zero"):
            await stores[0].database.write(work)
    await stores[0].database.write(partial(save_channel, name="desk"))
    assert [row.provider for row in await stores[1].outbox.channels()] == ["desk"]


async def test_who_holds_a_lock_is_looked_for_on_the_server(stores: list[Store], url: DatabaseUrl) -> None:
    with closing(engine_of(url).writer()) as holder:
        holder.begin()
        holder.run("SELECT 1").fetchone()  # by now it has its turn
        with pytest.raises(DatabaseUnavailableError, match="another session holds a lock") as locked:
            await stores[0].database.write(partial(save_channel, name="ops"))
    assert "pg_stat_activity" in locked.value.trouble.cure


async def test_a_pool_of_transactions_is_called_what_it_is(stores: list[Store]) -> None:
    """There, what one transaction prepares is looked for in another session: here it is gone from its own."""

    def prepared(connection: Connection) -> None:
        for _ in range(10):
            connection.run("SELECT 1").fetchone()
        connection.run("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$").rowcount  # noqa: B018 - it is waited for
        connection.run("SELECT 1").fetchone()

    with pytest.raises(DatabaseUnavailableError, match=r"prepared statement .* does not exist") as pooled:
        await stores[0].database.read(prepared)
    assert "pool_mode = session" in pooled.value.trouble.cure


async def test_what_needs_no_migration_waits_for_none(url: DatabaseUrl) -> None:
    with closing(postgres_migrator(url, ServerLimits(idle_in_transaction=0.0))) as migrator:  # for as long as it likes
        migrator.begin()  # another one's waits for a minute
        async with asyncio.timeout(50):
            await (await Store.open(url, NAMES)).close()


def test_migrations_make_what_the_schema_says(url: DatabaseUrl) -> None:
    imported = {bridge_tables.bridge_events, kept_tables.fronted, lease_tables.lease}
    assert {table.name for table in imported} <= metadata.tables.keys()
    made = create_engine(url.get_secret_value().replace("postgresql:", "postgresql+psycopg:"))
    with made.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    made.dispose()
    assert [(what, key.elements[0].target_fullname) for what, key in differences] == [("add_fk", "transfers.id")]


@pytest.mark.usefixtures("server")
async def test_a_password_stands_in_no_words_about_a_server() -> None:
    nowhere = DatabaseUrl("postgresql://postgres:hunter2@127.0.0.1:1/monitor")
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


@pytest.mark.parametrize(("fast", "durable"), [(False, "on"), (True, "off")])
async def test_commits_are_as_durable_as_they_are_to_be(url: DatabaseUrl, fast: bool, durable: str) -> None:
    store = await Store.open(url, NAMES, fast=fast)
    query = "SHOW synchronous_commit"
    assert await store.database.write(lambda connection: connection.run(query).fetchone()) == (durable,)
    await store.close()


async def test_a_database_that_cannot_keep_every_text_is_refused(server: postgres.Server) -> None:
    latin, refused = "ENCODING 'LATIN1' TEMPLATE template0", pytest.raises(DatabaseError, match="encoding LATIN1")
    with server.empty_database(latin) as url, refused:
        await Store.open(url, NAMES)


async def test_a_monitor_waits_at_its_start_for_a_server_to_come(
    server: postgres.Server, url: DatabaseUrl, tmp_path: Path
) -> None:
    config = load(tmp_path / "config.toml", f'monitor.database = "{url.get_secret_value()}"\n{CHAIN}')
    opening = StoreOpening(config, {}, [], ChainLabels({}), SystemClock(), Outside(), patience=60.0)
    async with AsyncExitStack() as stack:
        with server.refusing(url), capture_logs() as lines:
            starting = asyncio.create_task(opening.open(stack, no_deadlines, {}))
            await until(lambda: any(line["event"] == "database.awaited" for line in lines))
        store = await starting
        assert await store.outbox.channels() == []
    assert postgres.PASSWORD not in str(lines)


async def test_what_a_server_is_examined_by_is_written_and_leaves_nothing(stores: list[Store]) -> None:
    database = stores[0].database
    examiner = Examiner(database, ServerMark(database))
    await until(lambda: examined(examiner))
    assert examiner.trouble is None
    await examiner.aclose()


async def examined(examiner: Examiner) -> bool:
    await examiner.examine()
    return examiner.proven
