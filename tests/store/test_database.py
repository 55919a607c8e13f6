"""The file: its schema, its writer, and what is said when it cannot be used."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from connext_monitor.store import migration, schema_revision
from connext_monitor.store.connection import Connection
from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.lease_tables import lease
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.schema import metadata
from connext_monitor.store.store import Store


async def opened(file: Path) -> Database:
    return await Database.open(file)


@pytest.mark.parametrize(("fast", "synchronous"), [(False, 2), (True, 1)], ids=["full", "fast"])
async def test_a_commit_is_synced_unless_the_last_ones_may_be_lost(file: Path, fast: bool, synchronous: int) -> None:
    database = await Database.open(file, fast=fast)
    (value,) = await database.write(lambda connection: connection.run("PRAGMA synchronous").fetchone())
    await database.close()
    assert value == synchronous


async def test_the_migrations_make_what_the_queries_are_written_against(file: Path) -> None:
    await (await opened(file)).close()
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*expression-based index")
        differences = list(compare_metadata(MigrationContext.configure(connection), metadata))
    engine.dispose()
    assert lease.name in metadata.tables
    assert differences == []


async def test_the_migrations_make_the_indexes_of_the_schema(file: Path, tmp_path: Path) -> None:
    await (await opened(file)).close()
    other = tmp_path / "other.db"
    engine = create_engine(f"sqlite:///{other}")
    metadata.create_all(engine)
    engine.dispose()
    assert indexes(file) == indexes(other)


def indexes(file: Path) -> dict[str, str]:
    """Each index, in SQL."""
    with closing(sqlite3.connect(file)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))


def test_the_revisions_are_known_without_the_library_that_runs_them() -> None:
    scripts = list(ScriptDirectory.from_config(migration.scripts()).walk_revisions())
    assert list(schema_revision.KNOWN) == [script.revision for script in reversed(scripts)]


async def test_a_current_database_is_opened_without_loading_alembic(file: Path) -> None:
    await (await opened(file)).close()
    opening = (
        "import asyncio, pathlib, sys; from connext_monitor.store.database import Database\n"
        "async def main():\n"
        "    for open in Database.open, Database.open_readonly:\n"
        "        await (await open(pathlib.Path(sys.argv[1]))).close()\n"
        "    print('alembic' in sys.modules)\n"
        "asyncio.run(main())"
    )
    result = subprocess.run([sys.executable, "-c", opening, file], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


async def test_the_indexes_for_what_is_awaited_are_partial(file: Path) -> None:
    database = await opened(file)
    partial = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
    names = await database.read(lambda connection: {name for (name,) in connection.run(partial)})
    await database.close()
    assert {"transfers_awaiting_execute", "transfers_awaiting_reconcile", "deliveries_pending"} <= names


async def test_a_database_is_opened_again(file: Path) -> None:
    await (await opened(file)).close()
    await (await opened(file)).close()


async def test_a_file_that_is_not_a_database_is_refused_in_words(file: Path) -> None:
    file.write_text("this is no database" * 100)
    with pytest.raises(DatabaseError, match=r"monitor\.db is not a SQLite database; name another file"):
        await opened(file)


async def test_a_missing_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"check monitor\.database"):
        await opened(tmp_path / "nowhere" / "monitor.db")


async def test_a_schema_of_a_newer_version_is_refused_in_words(file: Path) -> None:
    await (await opened(file)).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseError, match="newer version"):
        await opened(file)


def insert(connection: Connection, provider: str) -> None:
    connection.run("INSERT INTO channels VALUES (?, 'ok', NULL, 0)", (provider,))


async def count(database: Database) -> int:
    channels = "SELECT count(*) FROM channels"
    return await database.read(lambda connection: int(connection.run(channels).fetchone()[0]))


async def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    database = store.database

    def work(connection: Connection) -> None:
        insert(connection, "one")
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        await database.write(work)
    assert await count(database) == 0


async def test_a_cancelled_caller_leaves_the_writer_free_and_the_write_whole(store: Store) -> None:
    database = store.database
    inside, cancelled = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        insert(connection, "one")
        inside.set()
        assert cancelled.wait(60)
        insert(connection, "two")

    writing = asyncio.create_task(database.write(work))
    assert await asyncio.to_thread(inside.wait, 60)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    cancelled.set()
    await database.write(lambda connection: insert(connection, "three"))
    assert await count(database) == 3


async def test_a_reader_sees_nothing_of_a_write_under_way(store: Store) -> None:
    database = store.database
    inside, read = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        insert(connection, "one")
        inside.set()
        assert read.wait(60)

    writing = asyncio.create_task(database.write(work))
    assert await asyncio.to_thread(inside.wait, 60)
    assert await count(database) == 0
    read.set()
    await writing
    assert await count(database) == 1


LOCK_AND_WAIT = """
import sys, time
from pathlib import Path
from connext_monitor.store.lock import DatabaseLock
with DatabaseLock(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_monitor_on_a_database_is_refused(file: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOCK_AND_WAIT, str(file)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(DatabaseError, match="in use by another monitor"), DatabaseLock(file):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with DatabaseLock(file):
        pass
