"""Whoever writes asks for the interpreter soon once SQLite is done, is asked for it late, and leaves nothing behind."""

import gc
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from sys import getswitchinterval

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.store.connection import Connection, reader_connection, transact, writer_connection
from connext_monitor.store.precedence import LATE, SOON, USUAL, FirstConnection
from tests.world.databases import make_old

WORKS = "SELECT interval() UNION ALL SELECT interval() UNION ALL SELECT interval()"
"""Three rows, each of which SQLite works for, and says by which interval other threads would go meanwhile."""


@pytest.fixture
def writer(file: Path) -> Iterator[Connection]:
    make_old(file, "head")
    connection = writer_connection(file)
    transact(connection, lambda connection: connection.driver.create_function("interval", 0, getswitchinterval))
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer.fetchall(),
        lambda answer: answer.fetchmany(3),
        lambda answer: [answer.fetchone() for _ in range(3)],
        list,
    ],
)
def test_a_writer_has_the_interpreter_back_soon_and_keeps_it(
    writer: Connection, read: Callable[[sqlite3.Cursor], list[tuple[float]]]
) -> None:
    def work(connection: Connection) -> None:
        assert getswitchinterval() == pytest.approx(LATE)
        answer = connection.run(WORKS)
        assert getswitchinterval() == pytest.approx(LATE)
        assert [row[0] for row in read(answer)] == pytest.approx([SOON] * 3)  # type: ignore[arg-type]
        assert getswitchinterval() == pytest.approx(LATE)
        connection.run_many("INSERT INTO channels VALUES (interval() || ?, 'ok', NULL, 0)", [("a",), ("b",)])
        assert connection.run("SELECT provider FROM channels ORDER BY 1").fetchall() == [("0.0002a",), ("0.0002b",)]

    transact(writer, work)
    assert getswitchinterval() == USUAL


def test_a_reader_leaves_the_interpreter_to_others_as_ever(writer: Connection, file: Path) -> None:
    transact(writer, lambda _: None)
    reader = reader_connection(file)

    def work(connection: Connection) -> None:
        assert getswitchinterval() == USUAL
        connection.driver.create_function("interval", 0, getswitchinterval)
        assert connection.run(WORKS).fetchall() == [(USUAL,)] * 3

    transact(reader, work)
    reader.close()


class Refused(Exception):
    pass


@pytest.mark.parametrize("refused", ["BEGIN", "SELECT", "INSERT", "COMMIT"])
def test_however_a_transaction_ends_the_interpreter_is_shared_as_ever(writer: Connection, refused: str) -> None:
    def refuse(statement: str) -> None:
        if statement.startswith(refused):
            raise Refused

    def work(connection: Connection) -> None:
        connection.run("SELECT 1").fetchone()
        connection.run("INSERT INTO channels VALUES ('ops', 'ok', NULL, 0)")

    writer.before = refuse
    with pytest.raises(Refused):
        transact(writer, work)
    assert getswitchinterval() == USUAL


def dead_references() -> int:
    return sum(1 for each in gc.get_objects() if type(each) is weakref.ref and each() is None)


def test_a_writer_keeps_nothing_of_the_statements_that_it_has_run(writer: Connection) -> None:
    def work(connection: Connection) -> None:
        for _ in range(1000):
            connection.run("SELECT 1").fetchone()
            connection.run_many("DELETE FROM channels WHERE provider = ?", [("nobody",)])

    before = dead_references()
    transact(writer, work)
    # The driver keeps a weak reference to each cursor, and drops those to cursors that are gone every two hundred.
    assert dead_references() - before <= 400


STATEMENTS = {
    "BEGIN": "BEGIN IMMEDIATE",
    "INSERT": "INSERT OR ROLLBACK INTO numbers VALUES (1)",
    "SELECT": "SELECT * FROM numbers",
    "COMMIT": "COMMIT",
    "nonsense": "SELEC 1",
}


@given(steps=st.lists(st.sampled_from([*STATEMENTS, "rollback", "fetch"])))
def test_only_a_transaction_that_is_open_goes_first(steps: list[str]) -> None:
    """A second INSERT fails, and ends the transaction by itself; so do others where none is open, or one is."""
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=FirstConnection)
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    answer = connection.execute("SELECT 1")
    for step in steps:
        try:
            if step == "rollback":
                connection.rollback()
            elif step == "fetch":
                answer.fetchone()
            else:
                answer = connection.execute(STATEMENTS[step])
        except sqlite3.Error:
            pass
        assert getswitchinterval() == pytest.approx(LATE if connection.in_transaction else USUAL)
    connection.close()
    assert getswitchinterval() == USUAL
