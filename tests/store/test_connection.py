"""A connection of our own: a transaction on it is whole or not there, whatever ends it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connext_monitor.store.connection import COMMIT, Connection, reader_connection, transact, writer_connection
from tests.world.databases import make_old

NEWEST = "head"


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    make_old(file, NEWEST)
    connection = writer_connection(file)
    yield connection
    connection.close()


def provider(connection: Connection, name: str = "ops") -> None:
    connection.run("INSERT INTO channels VALUES (?, 'ok', NULL, 0)", (name,))


def stored(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as other:
        return [name for (name,) in other.execute("SELECT provider FROM channels ORDER BY 1")]


class Refusal:
    """Refuses one statement, as a full disk does, and hears of all."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.heard: list[str] = []

    def __call__(self, statement: str) -> None:
        self.heard.append(statement.split(maxsplit=1)[0])
        if statement.startswith(self.refused):
            raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize("refused", ["BEGIN", "INSERT", COMMIT])
def test_a_transaction_refused_at_any_statement_leaves_nothing(
    connection: Connection, file: Path, refused: str
) -> None:
    connection.before = Refusal(refused)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        transact(connection, provider)
    connection.before = None
    transact(connection, lambda connection: provider(connection, "desk"))
    assert stored(file) == ["desk"]


def test_whoever_listens_hears_each_statement_from_begin_to_commit(connection: Connection) -> None:
    connection.before = listening = Refusal("nothing")
    transact(connection, provider)
    assert listening.heard == ["BEGIN", "INSERT", "COMMIT"]


def test_a_transaction_that_sqlite_rolled_back_ends_as_what_it_raised(connection: Connection, file: Path) -> None:
    def work(connection: Connection) -> None:
        provider(connection)
        connection.run("INSERT OR ROLLBACK INTO channels VALUES ('ops', 'ok', NULL, 0)")

    with pytest.raises(sqlite3.IntegrityError):
        transact(connection, work)
    transact(connection, lambda connection: provider(connection, "desk"))
    assert stored(file) == ["desk"]


def test_a_constraint_that_is_broken_at_the_commit_leaves_nothing(connection: Connection, file: Path) -> None:
    def work(connection: Connection) -> None:
        connection.run("PRAGMA defer_foreign_keys = ON")
        provider(connection)
        connection.run("INSERT INTO group_members VALUES (1, 'no such alert', 1, 0, NULL)")

    with pytest.raises(sqlite3.IntegrityError):
        transact(connection, work)
    transact(connection, lambda connection: provider(connection, "desk"))
    assert stored(file) == ["desk"]


def test_a_file_that_was_deleted_is_not_made_anew(file: Path) -> None:
    connection = writer_connection(file)
    with pytest.raises(sqlite3.OperationalError):
        transact(connection, provider)
    connection.close()
    assert not file.exists()


def test_a_connection_meant_for_reading_writes_nothing(connection: Connection, file: Path) -> None:
    transact(connection, provider)
    reader = reader_connection(file, readonly=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        transact(reader, lambda reader: provider(reader, "desk"))
    reader.close()
    assert stored(file) == ["ops"]


def test_a_connection_that_cannot_be_settled_is_closed_and_opened_again(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)
    connection = writer_connection(file)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        transact(connection, provider)
    file.unlink()
    make_old(file, NEWEST)
    transact(connection, provider)
    connection.close()
    assert stored(file) == ["ops"]


def test_it_is_used_again_after_it_was_closed(connection: Connection, file: Path) -> None:
    transact(connection, provider)
    connection.close()
    transact(connection, lambda connection: provider(connection, "desk"))
    assert stored(file) == ["desk", "ops"]


@pytest.mark.parametrize("make", [writer_connection, reader_connection])
def test_only_the_statements_used_lately_stay_compiled(make: Callable[[Path], Connection], file: Path) -> None:
    make_old(file, NEWEST)
    connection = make(file)
    with closing(connection):
        transact(connection, lambda connection: [connection.run(f"SELECT {number}") for number in range(1000)])
        try:
            ((compiled,),) = connection.driver.execute("SELECT count(*) FROM sqlite_stmt")
        except sqlite3.OperationalError as error:
            pytest.skip(str(error))
        assert 30 <= compiled <= 70


@pytest.mark.parametrize("value", [b"\x01" * 32, None])
def test_the_driver_knows_how_bytes_and_none_are_stored(value: bytes | None) -> None:
    # Else it takes an AttributeError for each of them to find out that nobody has it stored otherwise.
    assert sqlite3.adapt(value, sqlite3.PrepareProtocol) is value
