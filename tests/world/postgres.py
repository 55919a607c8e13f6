"""A PostgreSQL server for tests, kept in memory where there is room, and a database of it for each test."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.postgres_pair import Pair, replicated
from scripts.postgres_server import OPTIONS, PASSWORD, Server, ServerProcess, programs, running
from tests.world.lent_databases import LentDatabases
from tests.world.made_once import made_once

__all__ = ["PASSWORD", "LentDatabases", "Pair", "Server", "lent", "pair", "programs", "running", "server"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """For a conftest to import."""
    folder = _installed()
    with running(folder, like=_data(folder)) as started:
        yield started


@pytest.fixture(scope="session")
def lent(server: Server) -> Iterator[LentDatabases]:
    """For tests whose connections all end with them; for a conftest to import beside `server`."""
    databases = LentDatabases(server)
    yield databases
    databases.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary and its replica, for a conftest to import."""
    folder = _installed()
    with replicated(folder, like=_data(folder)) as running:
        yield running


def _installed() -> Path:
    folder = programs()
    if folder is None or find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL, or no psycopg: scripts/postgres installs the first, scripts/setup the second")
    return folder


def _data(bin_folder: Path) -> Path:
    """Of a server that has run once, and has the database that others are copies of."""

    def make(data: Path) -> None:
        process = ServerProcess(bin_folder, OPTIONS)
        server = Server(process.folder)
        try:
            process.make_data()
            process.start()
            server.make_template()
            server.close()
            process.stop().rename(data)
        finally:
            server.close()
            process.remove()

    return made_once("postgres-data", make)
