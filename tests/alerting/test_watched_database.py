"""The database and the channels of the outage tests, which are set by hand, are held to the real ones here."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import SystemRandom

import pytest

from connext_monitor.alerting.database_watch import WatchedDatabase
from connext_monitor.alerting.notice import Provider
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable
from connext_monitor.core.delivery import Change, Sent, TryLater
from connext_monitor.store.examiner import Examiner
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.monitor_lock import mark_of
from tests.alerting.bursts import to_discord
from tests.alerting.outages import FULL, GONE, Away, Patient
from tests.alerting.providers.discord.vendor import Discord
from tests.world.alerts import notice
from tests.world.databases import open_store, watching
from tests.world.waiting import until

Befall = Callable[[DatabaseTrouble | None], Awaitable[None]]
"""Gives the database this trouble; None mends it."""


@asynccontextmanager
async def by_hand(_file: Path) -> AsyncIterator[tuple[WatchedDatabase, Befall]]:
    database = Patient()

    async def befall(trouble: DatabaseTrouble | None) -> None:
        database.trouble = trouble

    yield database, befall


@asynccontextmanager
async def real(file: Path) -> AsyncIterator[tuple[WatchedDatabase, Befall]]:
    full = False

    def before(statement: str) -> None:
        if full and statement.startswith(("PRAGMA user_version =", "DELETE")):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    async def befall(trouble: DatabaseTrouble | None) -> None:
        nonlocal full
        full = trouble is FULL
        if trouble is GONE:
            file.unlink()
        elif full:
            with pytest.raises(StoreUnavailable):
                await store.database.write(lambda connection: connection.run("DELETE FROM tokens"))

    with DatabaseLock(file, make=True) as lock:
        store = await open_store(file, {}, watching(before))
        examiner = Examiner(store.database, mark_of(lock, store.database, SystemRandom()))
        yield examiner, befall
        await examiner.aclose()
        await store.close()


Watched = Callable[[Path], AbstractAsyncContextManager[tuple[WatchedDatabase, Befall]]]


@pytest.mark.parametrize("watched", [real, by_hand])
async def test_trouble_shows_from_one_look_to_another_until_it_is_over(tmp_path: Path, watched: Watched) -> None:
    async with watched(tmp_path / "monitor.db") as (database, befall):

        async def shows(trouble: DatabaseTrouble | None) -> None:
            async def is_shown() -> bool:
                await database.examine()
                return database.proven and database.trouble == trouble

            await until(is_shown, why=lambda: f"{database.trouble} is shown")

        await shows(None)
        await befall(FULL)
        await shows(FULL)
        await befall(None)
        await shows(None)
        await befall(GONE)
        await shows(GONE)


@pytest.mark.parametrize("real_channel", [True, False], ids=["real", "by hand"])
async def test_a_channel_that_is_back_takes_openings_and_their_ends(calm_discord: Discord, real_channel: bool) -> None:
    channel: Provider = to_discord(calm_discord) if real_channel else Away("a")
    if isinstance(channel, Away):
        channel.away = True
    else:
        calm_discord.plan(503)
    assert isinstance(await channel.send(notice(), None), TryLater)
    if isinstance(channel, Away):
        channel.away = False
    openings = [await channel.send(notice(), None) for _ in range(2)]
    references = [outcome.reference for outcome in openings if isinstance(outcome, Sent)]
    assert len(set(references)) == 2
    for reference in references:
        assert reference is not None
        assert isinstance(await channel.send(notice(Change.RESOLVED), reference), Sent)
    await channel.aclose()
