"""An owner that stands still in the midst of a write, at each of its statements, and wakes after it was deposed."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial

import psycopg
import pytest

from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import SystemClock
from connext_monitor.cluster.member import Member
from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.ownership import Instance, LeaseTimes
from connext_monitor.store.connection import COMMIT, Connection
from connext_monitor.store.engine import server_of
from connext_monitor.store.lease_desk import LeaseDesk
from connext_monitor.store.server_limits import ServerLimits
from connext_monitor.store.store import Store
from connext_monitor.store.turn import TermTurn
from tests.world import postgres
from tests.world.recording import NAMES, accuse, put, seen
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import BOUND, until

pytestmark = pytest.mark.server

TIMES = LeaseTimes(takeover_after=1.0)
IDLE = 1.0
LIMITED = partial(server_of, limits=ServerLimits(idle_in_transaction=IDLE))
"""For a second a transaction may stand still: here less than ten."""
FIRST, SECOND = Instance("first", "1.0", "same"), Instance("second", "1.0", "same")
BEFORE, MIDST, AFTER = (xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(3))

Write = Callable[[Store], Awaitable[object]]
WRITES: dict[str, Write] = {
    "an event": lambda store: put(store, seen(MIDST)),
    "an alert": lambda store: accuse(store, BEFORE, "ops"),
}


@dataclass
class Standstill:
    """The writer of the owner, which stops before its statement number ``at`` until it is woken."""

    at: int
    begun: bool = False
    statements: list[str] = field(default_factory=list)
    stands: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)

    def before(self, statement: str) -> None:
        if self.begun:
            self.statements.append(statement)
        if self.begun and len(self.statements) == self.at:
            self.stands.set()
            assert self.woken.wait(BOUND)


async def opened(url: DatabaseUrl, stack: AsyncExitStack, me: Instance) -> tuple[Store, float]:
    """The store of an instance, as soon as that owns the work, and for how long it waited for that (seconds)."""
    desk, clock = LeaseDesk(url, server=LIMITED), SystemClock()
    stack.push_async_callback(desk.close)
    began = clock.elapsed()
    taken = await Member(me, desk, TIMES, clock, 1.0, Outside().new_token).wait_for_work()
    waited = clock.elapsed() - began
    turn = TermTurn(taken.token, taken.turn, print)
    store = await Store.open(url, NAMES, migrate=False, turn=turn, server=LIMITED)
    stack.push_async_callback(store.close)
    return store, waited


async def hears(store: Store, standstill: Standstill) -> None:
    def hear(connection: Connection) -> None:
        connection.before = standstill.before

    await store.database.write(hear)
    standstill.begun = True


async def statements_of(server: postgres.Server, write: Write) -> list[str]:
    """Those of a write that nothing stops."""
    standstill = Standstill(0)
    with server.database() as url:
        async with AsyncExitStack() as stack:
            store, _ = await opened(url, stack, FIRST)
            await put(store, seen(BEFORE))
            await hears(store, standstill)
            await write(store)
    return standstill.statements


def stored(url: DatabaseUrl) -> tuple[int, int]:
    """How many events and alerts there are."""
    with closing(psycopg.connect(url.get_secret_value())) as connection:
        [(events,)] = connection.execute("SELECT count(*) FROM events")
        [(alerts,)] = connection.execute("SELECT count(*) FROM alerts")
    return events, alerts


async def stand_still(server: postgres.Server, write: Write, at: int) -> float:
    """How long the other instance waited for the work while the owner stood before this statement (seconds)."""
    standstill = Standstill(at)
    with server.database() as url:
        async with AsyncExitStack() as stack:
            first, _ = await opened(url, stack, FIRST)
            await put(first, seen(BEFORE))
            await hears(first, standstill)
            stack.callback(standstill.woken.set)
            writing = asyncio.ensure_future(write(first))
            await until(standstill.stands.is_set, BOUND, lambda: standstill.statements)
            second, waited = await opened(url, stack, SECOND)
            await put(second, seen(AFTER))
            standstill.woken.set()
            with pytest.raises(StoreUnavailable):
                await writing
            for again in WRITES.values():
                with suppress(StoreUnavailable):
                    await again(first)
            assert stored(url) == (2, 0), standstill.statements
    return waited


@pytest.mark.parametrize("what", WRITES)
async def test_who_stands_still_at_any_statement_is_replaced_and_commits_nothing(
    server: postgres.Server, what: str
) -> None:
    statements = await statements_of(server, WRITES[what])
    assert statements[-1] == COMMIT
    places = range(1, len(statements) + 1)
    waits = await asyncio.gather(*(stand_still(server, WRITES[what], at) for at in places))
    print(what, len(statements), "statements, waited", [round(wait, 1) for wait in waits])  # noqa: T201
    assert min(waits) >= TIMES.takeover_after
    # A try more that has to wait for the lock; the rest is for a slow machine.
    assert max(waits) < TIMES.takeover_after + IDLE + 2 * TIMES.beat_every + 20
