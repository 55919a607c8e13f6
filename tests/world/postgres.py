"""A PostgreSQL server for tests, kept in memory where there is room, and a database of it for each test."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from scripts.postgres_server import PASSWORD, Server, programs, running

__all__ = ["PASSWORD", "Server", "programs", "running", "server"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """For a conftest to import."""
    folder = programs()
    if folder is None or find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL, or no psycopg: scripts/postgres installs the first, scripts/setup the second")
    with running(folder) as started:
        yield started
