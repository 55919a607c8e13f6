"""Databases that are lent to one test after the other: each finds what a new one has."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.store import Store
from tests.world import postgres
from tests.world.lent_databases import LentDatabases
from tests.world.recording import NAMES, accuse, put, seen
from tests.world.transfers import executed, info, sighting, xcalled

pytestmark = pytest.mark.server
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"


@pytest.fixture
def databases(server: postgres.Server) -> Iterator[LentDatabases]:
    with closing(LentDatabases(server)) as databases:
        yield databases


def connected(url: DatabaseUrl) -> "psycopg.Connection[Any]":
    return psycopg.connect(url.get_secret_value(), autocommit=True)


def content(url: DatabaseUrl) -> dict[str, list[Any]]:
    """All rows of all tables, and where the sequences stand."""
    with connected(url) as connection:
        names = [name for (name,) in connection.execute(_TABLES)]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608
        return rows | {"sequences": connection.execute(_SEQUENCES).fetchall()}


async def fill(url: DatabaseUrl, transfers: int) -> None:
    store = await Store.open(url, NAMES)
    calls = [xcalled(info(nonce), sighting(10)) for nonce in range(transfers)]
    await put(store, seen(*calls, executed(info(0), sighting(20))))
    await accuse(store, calls[1], "ops")
    await store.close()


@pytest.mark.parametrize("transfers", [2, 2000], ids=["little", "much"])
async def test_whoever_is_lent_a_database_finds_what_a_new_one_has(
    server: postgres.Server, databases: LentDatabases, transfers: int
) -> None:
    with databases.database() as first:
        await fill(first, transfers)
        assert len(content(first)["transfers"]) == transfers
    with databases.database() as again, server.database() as new:
        assert again == first
        assert content(again) == content(new)


async def test_a_database_that_was_altered_is_not_lent_again(databases: LentDatabases) -> None:
    with databases.database() as first, connected(first) as connection:
        connection.execute("ALTER TABLE alerts ALTER COLUMN kind SET DEFAULT 'none'")
    with databases.database() as second:
        assert second != first


async def test_a_database_that_somebody_still_uses_is_not_lent_again(databases: LentDatabases) -> None:
    with databases.database() as first:
        connection = connected(first)
    with databases.database() as second:
        assert second != first
    connection.close()


async def test_a_test_may_end_all_connections_to_a_database(databases: LentDatabases) -> None:
    with databases.database() as first, connected(first) as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
    with databases.database() as second:
        assert content(second)["transfers"] == []
