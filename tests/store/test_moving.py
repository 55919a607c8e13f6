"""A database that is copied to a server and back is the same; a kill in between costs only time."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.store import schema_revision
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import engine_of
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.moving import ROWS_AT_ONCE, TABLES, Move
from connext_monitor.store.postgres_arrays import ELEMENT_TYPES
from connext_monitor.store.postgres_dialect import DIALECT
from connext_monitor.store.store import Store
from tests.world import postgres
from tests.world.databases import open_store
from tests.world.recording import NAMES, accuse, put, seen
from tests.world.transfers import executed, info, sighting, xcalled

pytestmark = pytest.mark.server

Address = Path | DatabaseUrl


class Killed(Exception):
    pass


@pytest.fixture
def url(server: postgres.Server) -> Iterator[DatabaseUrl]:
    with server.empty_database() as url:
        yield url


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """With transfers, events, alerts, deliveries, and what triggers keep of them."""
    path = tmp_path / "monitor.db"
    store = await open_store(path, NAMES)
    calls = [xcalled(info(nonce), sighting(10)) for nonce in range(7)]
    await put(store, seen(*calls), seen(*(executed(info(nonce), sighting(20)) for nonce in range(3))))
    await accuse(store, calls[5], "ops", "d\0sk")
    await store.close()
    return path


def move(
    source: Address, destination: Address, before: Callable[[str], None] | None = None, *, at_once: int = ROWS_AT_ONCE
) -> dict[str, int]:
    if isinstance(destination, Path):
        destination.touch()  # as its lock does
    engines = engine_of(source), engine_of(destination)
    with closing(engines[0].reader()) as read, closing(engines[1].writer()) as write:
        write.before = before
        return Move(*engines, lambda _table, _rows: None, at_once=at_once).run(read, write)


def content(database: Address) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables that are moved, as both engines know them."""

    def look(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
        rows = {}
        for table in TABLES:
            columns = ", ".join(f'"{column.name}"' for column in table.c)
            stored = connection.run(f"SELECT {columns} FROM {table.name}").fetchall()  # noqa: S608
            rows[table.name] = sorted((tuple(map(as_kept, row)) for row in stored), key=repr)
        return rows

    with closing(engine_of(database).reader()) as connection:
        return transact(connection, look)


def as_kept(value: object) -> object:
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


async def test_there_and_back_is_the_same(file: Path, url: DatabaseUrl, tmp_path: Path) -> None:
    counts = move(file, url)
    assert (counts["transfers"], counts["events"], counts["alerts"]) == (7, 10, 1)
    assert content(url) == content(file)
    move(url, back := tmp_path / "back.db")
    assert content(back) == content(file)


async def test_a_moved_database_is_worked_on_as_before(file: Path, url: DatabaseUrl, tmp_path: Path) -> None:
    move(file, url)
    move(url, back := tmp_path / "back.db")
    for database in (file, url, back):
        store = await Store.open(database, NAMES)
        await put(store, seen(executed(info(5), sighting(30)), xcalled(info(8), sighting(31))))
        await accuse(store, xcalled(info(8), sighting(31)), "ops")
        await store.close()
    assert len(content(url)["fronted"]) == 4
    assert content(url) == content(file) == content(back)


async def test_killed_at_any_statement_it_goes_on(file: Path, server: postgres.Server) -> None:
    statements: list[str] = []
    with server.database() as whole:
        move(file, whole, statements.append, at_once=2)
    for number in range(3, len(statements), len(statements) // 7):
        with server.database() as url:
            left = number

            def kill(_statement: str) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed

            with pytest.raises(Killed):
                move(file, url, kill, at_once=2)
            move(file, url, at_once=2)
            assert content(url) == content(file)


async def test_what_is_half_moved_is_used_by_nobody(file: Path, url: DatabaseUrl, tmp_path: Path) -> None:
    def kill(statement: str) -> None:
        if "INTO events" in statement.replace(chr(34), ""):
            raise Killed

    with pytest.raises(Killed):
        move(file, url, kill)
    for open_ in (Store.open, Store.open_readonly):
        with pytest.raises(DatabaseError, match=r'is not complete yet: "connext-monitor move"'):
            await open_(url, NAMES)
    with pytest.raises(DatabaseError, match="is not complete yet"):
        move(url, tmp_path / "other.db")
    move(file, url)
    await (await Store.open(url, NAMES)).close()


async def test_a_database_with_anything_in_it_is_left_alone(file: Path, url: DatabaseUrl) -> None:
    move(file, url)
    before = content(url)
    with pytest.raises(DatabaseError, match="name an empty one"):
        move(file, url)
    assert content(url) == before


async def test_a_source_that_was_written_to_between_two_attempts_is_found_out(file: Path, url: DatabaseUrl) -> None:
    def kill(statement: str) -> None:
        if "DROP TABLE moved" in statement:
            raise Killed

    with pytest.raises(Killed):
        move(file, url, kill)
    store = await open_store(file, NAMES)
    await put(store, seen(executed(info(4), sighting(40))))
    await store.close()
    with pytest.raises(DatabaseError, match="differs from the one that it was copied from"):
        move(file, url)


async def test_beside_an_instance_nothing_is_moved(url: DatabaseUrl, file: Path, tmp_path: Path) -> None:
    move(file, url)
    insert = "INSERT INTO instances VALUES ('one', extract(epoch FROM clock_timestamp()) * 1000, '0', 0)"
    with closing(engine_of(url).writer()) as connection:
        transact(connection, lambda each: each.run(insert))
    with pytest.raises(DatabaseError, match="one was at work on the database less than a minute ago"):
        move(url, tmp_path / "back.db")


def test_every_column_of_every_table_can_be_sent() -> None:
    assert {column.type.compile(DIALECT) for table in TABLES for column in table.c} <= ELEMENT_TYPES.keys()


def test_the_mark_of_what_is_half_moved_is_no_revision() -> None:
    mark = schema_revision.unfinished(schema_revision.NEWEST)
    assert schema_revision.is_unfinished(mark)
    assert len(mark) <= 32  # as the column of Alembic's table has it
    assert not any(map(schema_revision.is_unfinished, schema_revision.KNOWN))
