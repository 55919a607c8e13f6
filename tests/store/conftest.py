"""A store on a file of its own, and again on a PostgreSQL database of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.connection import Connection
from connext_monitor.store.engine import server_of
from connext_monitor.store.store import Store
from tests.world import postgres
from tests.world.databases import open_store
from tests.world.postgres import lent, server
from tests.world.recording import NAMES

__all__ = ["NewStore", "lent", "server"]

NewStore = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "monitor.db"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that is given a store runs on both engines, but for those that say why not.

    A property may be two tests, with fewer examples for the server's.
    """
    if "engine" in metafunc.fixturenames:
        both = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
        marked = metafunc.definition.get_closest_marker
        engines = both[:1] if marked("sqlite_only") else both[1:] if marked("server") else both
        metafunc.parametrize("engine", engines, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def new_store(engine: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> NewStore:
    """For tests that need an empty one for each of their examples."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        if engine == "sqlite":
            store = await open_store(tmp_path_factory.mktemp("store") / "monitor.db", NAMES)
            yield store
            await store.close()
            return
        databases: postgres.LentDatabases = request.getfixturevalue("lent")
        with databases.database() as url:
            store = await Store.open(url, NAMES)
            yield store
            await store.close()

    return opened


@pytest.fixture
def url(lent: postgres.LentDatabases) -> Iterator[DatabaseUrl]:
    """Of a database on the server, as a first run makes it."""
    with lent.database() as url:
        yield url


@pytest.fixture
def connection(url: DatabaseUrl) -> Iterator[Connection]:
    """That by which instances look at the lease."""
    with closing(server_of(url).lease()) as connection:
        yield connection


@pytest.fixture
def where(engine: str, file: Path, request: pytest.FixtureRequest) -> Path | DatabaseUrl:
    """The database of the store."""
    if engine == "sqlite":
        return file
    on_server: DatabaseUrl = request.getfixturevalue("url")
    return on_server


@pytest.fixture
async def store(where: Path | DatabaseUrl) -> AsyncIterator[Store]:
    opened = await (open_store(where, NAMES) if isinstance(where, Path) else Store.open(where, NAMES))
    yield opened
    await opened.close()
