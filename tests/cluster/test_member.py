"""An instance among others: when it gets the work, what ends that, and when it must not begin."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Protocol

import pytest

from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import SystemClock
from connext_monitor.cluster.member import Member, RefusedError
from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.handover import Handover
from connext_monitor.core.ownership import Instance, LeaseTimes
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import server_of
from connext_monitor.store.lease_desk import LeaseDesk
from tests.world import postgres
from tests.world.waiting import until

pytestmark = pytest.mark.server

TIMES = LeaseTimes(takeover_after=1.2)
FIRST, SECOND, THIRD = (Instance(name, "1.0", "same") for name in ("first", "second", "third"))


class Join(Protocol):
    """Another instance on the database."""

    async def __call__(self, me: Instance, times: LeaseTimes = TIMES) -> Member: ...


@pytest.fixture
def url(server: postgres.Server) -> Iterator[DatabaseUrl]:
    with server.database() as url:
        yield url


@pytest.fixture
async def join(url: DatabaseUrl) -> AsyncIterator[Join]:
    """Another instance on the database."""
    desks: list[LeaseDesk] = []

    async def join(me: Instance, times: LeaseTimes = TIMES) -> Member:
        desks.append(LeaseDesk(url))
        return Member(me, desks[-1], times, SystemClock(), 1.0, Outside().new_token)

    yield join
    for desk in desks:
        await desk.close()


@asynccontextmanager
async def beside(call: Awaitable[object]) -> AsyncIterator["asyncio.Future[object]"]:
    task = asyncio.ensure_future(call)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def run(url: DatabaseUrl, sql: str) -> None:
    connection: Connection = server_of(url).lease()
    transact(connection, lambda it: it.run(sql))
    connection.close()


def version_of_row(url: DatabaseUrl, instance: str) -> str | None:
    """What differs once it has been written again; None where it is not there."""
    with closing(server_of(url).lease()) as connection:
        query = "SELECT xmin::text FROM instances WHERE name = ?"
        row = transact(connection, lambda it: it.run(query, (instance,)).fetchone())
    return None if row is None else str(row[0])


async def test_the_work_is_taken_when_it_is_given_back(join: Join) -> None:
    first, second = await join(FIRST), await join(SECOND)
    taken = await first.wait_for_work()
    assert first.may_send()
    async with beside(first.keep_work(taken)), beside(second.wait_for_work()) as waiting:
        await asyncio.sleep(2 * TIMES.takeover_after)
        assert not waiting.done()
        assert second.why_unowned() is None
        assert not second.may_send()
        await first.give_back(taken)
        assert not first.may_send()
        await until(waiting.done)
    assert second.may_send()


async def test_who_is_silent_loses_the_work_and_sent_nothing_long_before(join: Join) -> None:
    first, second = await join(FIRST), await join(SECOND)
    taken = await first.wait_for_work()
    before = await second.wait_for_work()
    assert not first.may_send()
    assert before.held_before_by == "first"
    assert await first.keep_work(taken) == "another instance has taken the work over"


async def test_an_owner_that_cannot_beat_sends_nothing_after_a_while(
    join: Join, server: postgres.Server, url: DatabaseUrl
) -> None:
    first = await join(FIRST)
    taken = await first.wait_for_work()
    async with beside(first.keep_work(taken)) as keeping:
        with server.refusing(url):
            await until(lambda: not first.may_send())
            assert first.trouble is not None
            assert not keeping.done()
        await until(first.may_send)
        assert first.trouble is None


async def test_an_instance_of_another_config_is_refused_with_words(join: Join) -> None:
    first, other = await join(FIRST), await join(replace(SECOND, config_hash="other"))
    taken = await first.wait_for_work()
    async with beside(first.keep_work(taken)):
        with pytest.raises(RefusedError, match="differs from that of first"):
            await other.wait_for_work()


async def test_another_config_is_no_matter_once_its_owner_is_gone(join: Join) -> None:
    first, other = await join(FIRST), await join(replace(SECOND, config_hash="other"))
    await first.wait_for_work()
    assert (await other.wait_for_work()).held_before_by == "first"


async def test_an_instance_older_than_the_schema_ends_with_words(join: Join, url: DatabaseUrl) -> None:
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RefusedError, match="newer version"):
        await (await join(FIRST)).wait_for_work()


async def test_a_server_that_is_away_is_waited_for(join: Join, server: postgres.Server, url: DatabaseUrl) -> None:
    first = await join(FIRST)
    with server.refusing(url):
        async with beside(first.wait_for_work()) as waiting:
            await until(lambda: first.trouble is not None)
            assert "server" in str(first.why_unowned())
            assert not waiting.done()
    assert (await first.wait_for_work()).held_before_by is None


async def test_what_was_taken_at_the_last_moment_is_given_back_on_leaving(join: Join) -> None:
    first, second = await join(FIRST), await join(SECOND)
    await first.wait_for_work()
    await first.leave()
    began = SystemClock().elapsed()
    await second.wait_for_work()
    assert SystemClock().elapsed() - began < TIMES.takeover_after


async def test_a_desk_says_what_keeps_the_lease_from_being_asked(server: postgres.Server, url: DatabaseUrl) -> None:
    desk = LeaseDesk(url)
    with server.refusing(url), pytest.raises(StoreUnavailable):
        await desk.look(FIRST, 0)
    await desk.close()


async def test_what_is_handed_over_goes_to_the_instance_that_is_named(join: Join) -> None:
    first, second, third = await join(FIRST), await join(SECOND), await join(THIRD)
    taken = await first.wait_for_work()
    first.handover = Handover("third", ("alpha",))
    async with beside(second.wait_for_work()) as waiting:
        await first.give_back(taken)
        got = await third.wait_for_work()
        assert not waiting.done()
    assert (got.held_before_by, got.unseen) == ("first", ("alpha",))
    assert first.handover is None


async def test_who_waits_says_so_no_more_often_than_an_owner_beats(join: Join, url: DatabaseUrl) -> None:
    first = await join(FIRST)
    taken = await first.wait_for_work()
    async with beside(first.keep_work(taken)):
        second = await join(SECOND, LeaseTimes(takeover_after=60.0))
        async with beside(second.wait_for_work()):
            await until(lambda: version_of_row(url, "second"))
            said = version_of_row(url, "second")
            await asyncio.sleep(3.0)  # three looks or so
            assert version_of_row(url, "second") == said
