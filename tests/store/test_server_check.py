"""What ``check-config --online`` says of a server: reachable, its schema, who owns the work, and no password."""

from functools import partial

import pytest

from connext_monitor.cli.online_check import ask_database
from connext_monitor.config import DatabaseUrl
from connext_monitor.core.ownership import Instance, Lease
from connext_monitor.store import lease
from connext_monitor.store.connection import Connection, transact
from tests.world import postgres
from tests.world.postgres import PASSWORD

pytestmark = pytest.mark.server

ME = Instance("left", "1.0", "same")


def set_revision(connection: Connection, revision: str) -> None:
    connection.run("UPDATE alembic_version SET version_num = ?", (revision,))


async def test_the_version_and_the_owner_are_named(url: DatabaseUrl, connection: Connection) -> None:
    free = await ask_database(url)
    assert free.ok
    assert free.answer.startswith("PostgreSQL ")
    assert free.answer.endswith("no instance owns the work")
    transact(connection, lambda it: lease.look(it, ME, 0))
    transact(connection, lambda it: lease.take(it, ME, "a", Lease(None, 0)))
    assert "; left owns the work, and was last heard from " in (await ask_database(url)).answer


async def test_an_empty_database_is_well(server: postgres.Server) -> None:
    with server.empty_database() as url:
        asked = await ask_database(url)
    assert asked.ok
    assert "which the first run makes" in asked.answer


async def test_an_older_schema_is_well_and_a_newer_one_is_not(url: DatabaseUrl, connection: Connection) -> None:
    for revision, is_well, words in (("0025", True, "brings it up to date"), ("9999", False, "run that version")):
        transact(connection, partial(set_revision, revision=revision))
        asked = await ask_database(url)
        assert asked.ok is is_well
        assert words in asked.answer


async def test_a_server_that_lets_nobody_in_is_named_without_its_password(
    server: postgres.Server, url: DatabaseUrl
) -> None:
    with server.refusing(url):
        away = await ask_database(url)
    nowhere = await ask_database(DatabaseUrl(f"postgresql://me:{PASSWORD}@127.0.0.1:1/monitor"))
    for asked in (away, nowhere):
        assert asked.ok is False
        assert "the database server cannot be used" in asked.answer
        assert PASSWORD not in asked.answer
