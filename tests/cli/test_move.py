"""``move``: the config's database to a server and back."""

from collections.abc import Iterator

import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.lock import DatabaseLock
from tests.cli.conftest import Program
from tests.world import postgres
from tests.world.postgres import server
from tests.world.two_chains import Sample, fill

__all__ = ["server"]

pytestmark = pytest.mark.server


@pytest.fixture
def url(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseUrl]:
    with server.empty_database() as url:
        monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
        yield url


@pytest.fixture
def filled(monitor: Program) -> Program:
    monitor.fill(lambda store: fill(store, [Sample(1).xcalled(), Sample(1).executed(), Sample(2).xcalled()]))
    return monitor


def on_server(monitor: Program) -> None:
    """Name the server's database in the config."""
    text = monitor.config.read_text(encoding="utf-8")
    monitor.config.write_text(text.replace("monitor.db", "${DATABASE_URL}"), encoding="utf-8")


def test_what_is_moved_there_and_back_is_listed_as_before(filled: Program, url: DatabaseUrl) -> None:
    before = filled.json("transfers")
    moved = filled.json("move", "--to", "${DATABASE_URL}")
    assert moved["from"] == str(filled.database)
    assert (moved["to"], moved["transfers"], moved["events"], moved["alerts"]) == (str(url), 2, 3, 0)
    on_server(filled)
    assert filled.json("transfers") == before
    result = filled.run("move", "--to", "back.db")
    assert result.exit_code == 0, result.output
    assert "all of them compared" in result.stdout
    assert (filled.folder / "back.db").exists()
    assert postgres.PASSWORD not in result.output


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("postgresql://me:S3CR3T@127.0.0.1:1/m", "in the list of processes; write --to"),
        ("postgresql://127.0.0.1:1/m?password=S3CR3T", "in the list of processes; write --to"),
        ("other.db", "moves from a file to a server or back"),
        ("${NOWHERE_SET}", "the environment variable NOWHERE_SET is not set"),
        ("postgresql://127.0.0.1", "is not the whole URL of a PostgreSQL database"),
    ],
)
def test_a_destination_that_will_not_do_is_refused(filled: Program, to: str, words: str) -> None:
    result = filled.run("move", "--to", to)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "S3CR3T" not in result.output


def test_a_server_that_is_away_is_said_to_be(filled: Program) -> None:
    result = filled.run("move", "--to", "postgresql://127.0.0.1:1/m")
    assert result.exit_code == 1
    assert "the database server cannot be used" in result.stderr


@pytest.mark.usefixtures("url")
def test_nothing_is_moved_from_under_a_running_monitor(filled: Program) -> None:
    with DatabaseLock(filled.database):
        result = filled.run("move", "--to", "${DATABASE_URL}")
    assert result.exit_code == 1
    assert "is in use by another monitor" in result.stderr
