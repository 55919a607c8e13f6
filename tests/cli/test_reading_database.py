import hashlib
import sqlite3
import subprocess
import sys

import pytest

from connext_monitor.alerting.providers import check_provider
from connext_monitor.cli.opened_database import writing
from connext_monitor.config import load_config
from tests.cli.conftest import Program
from tests.store.locking import HOLD_OPEN, held
from tests.world.two_chains import Sample, fill

READERS = [["status"], ["transfers"], ["transfer", "ab" * 32], ["alerts"]]


@pytest.mark.parametrize("command", READERS)
def test_a_database_that_is_not_there_is_told_of_and_not_made(monitor: Program, command: list[str]) -> None:
    result = monitor.run(*command)
    assert result.exit_code == 1
    assert result.stderr == f"{monitor.database} does not exist yet; the first run of the monitor makes it\n"
    assert not monitor.database.exists()


@pytest.mark.parametrize("command", READERS)
def test_reading_changes_nothing_in_the_database(monitor: Program, command: list[str]) -> None:
    monitor.fill(lambda store: fill(store, [Sample(1).xcalled()]))
    before = hashlib.sha256(monitor.database.read_bytes()).digest()
    monitor.run(*command)
    assert hashlib.sha256(monitor.database.read_bytes()).digest() == before


def alter(monitor: Program, statement: str) -> None:
    connection = sqlite3.connect(monitor.database)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "was written by a newer version of connext-monitor"),
        ("DROP TABLE alembic_version", "is not a connext-monitor database"),
    ],
)
def test_a_database_of_another_schema_is_refused_with_words(monitor: Program, statement: str, words: str) -> None:
    monitor.fill(lambda store: fill(store, []))
    alter(monitor, statement)
    result = monitor.run("transfers")
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_file_that_is_no_database_is_refused_with_words(monitor: Program) -> None:
    monitor.database.write_text("a" * 5000)
    result = monitor.run("transfers")
    assert result.exit_code == 1
    assert "is not a SQLite database" in result.stderr


def test_a_damaged_database_is_a_failure_in_words(monitor: Program) -> None:
    monitor.fill(lambda store: fill(store, []))
    alter(monitor, "DROP TABLE transfers")
    result = monitor.run("transfers")
    assert result.exit_code == 1
    assert "the database could not be read" in result.stderr


def test_a_folder_with_odd_signs_in_its_name_is_no_obstacle(monitor: Program) -> None:
    odd = Program(monitor.folder / "a b?c#d%20é&mode=rwc")
    odd.folder.mkdir()
    odd.write_config()
    odd.fill(lambda store: fill(store, [Sample(1).xcalled()]))
    assert len(odd.json("transfers")["items"]) == 1


async def test_a_command_that_writes_holds_sqlites_lock(monitor: Program) -> None:
    """Closing a descriptor of the file would drop these locks, and the last reader would delete the log in use."""
    config = load_config(monitor.config, {}, check_provider)
    async with writing(config) as store:
        await store.outbox.channels()
        read = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM alerts'); c.close()"
        subprocess.run([sys.executable, "-c", read, str(monitor.database)], check=True)
        assert monitor.database.with_name("monitor.db-wal").exists()


@pytest.mark.parametrize("command", [["status"], ["backup"], ["export", "transfers"]])
def test_a_database_open_under_another_name_is_not_read(monitor: Program, command: list[str]) -> None:
    monitor.fill(lambda store: fill(store, [Sample(1).xcalled()]))
    other = monitor.database.with_name("other.db")
    other.hardlink_to(monitor.database)
    with held(other, HOLD_OPEN):
        result = monitor.run(*command)
    assert result.exit_code == 1
    assert "a monitor works on" in result.stderr
    assert "by another name of the file" in result.stderr
