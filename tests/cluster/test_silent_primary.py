"""A primary that stands still and says nothing, while its replica is promoted: the instances find the new one."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import pytest

from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import SystemClock
from connext_monitor.cluster.member import Member
from connext_monitor.core.ownership import Instance, LeaseTimes
from connext_monitor.store.engine import server_of
from connext_monitor.store.lease_desk import LeaseDesk
from connext_monitor.store.server_limits import ServerLimits
from connext_monitor.store.store import Store
from connext_monitor.store.turn import TermTurn
from tests.world.postgres import Pair
from tests.world.recording import NAMES, put, seen
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import BOUND, until

pytestmark = pytest.mark.server

TIMES = LeaseTimes(takeover_after=1.2)

# As long as for the lease: a machine may be so busy that a server which runs takes seconds for an answer.
GIVEN_UP_SOONER = partial(server_of, limits=ServerLimits(answer=ServerLimits().lease_answer))


async def test_instances_find_the_promoted_replica_of_a_server_that_fell_silent(pair: Pair) -> None:
    pair.primary.make("bridge")
    url = pair.url("bridge")
    async with AsyncExitStack() as stack:

        def joins(name: str) -> Member:
            desk = LeaseDesk(url)
            stack.push_async_callback(desk.close)
            return Member(Instance(name, "1.0", "same"), desk, TIMES, SystemClock(), 1.0, Outside().new_token)

        owner, other = joins("owner"), joins("other")
        taken = await owner.wait_for_work()
        over: list[str] = []
        turn = TermTurn(taken.token, taken.turn, over.append)
        store = await Store.open(url, NAMES, migrate=False, turn=turn, server=GIVEN_UP_SOONER)
        stack.push_async_callback(store.close)
        await put(store, seen(xcalled(info(1), sighting(10))))
        waiting = asyncio.create_task(other.wait_for_work())
        stack.callback(waiting.cancel)
        await until(lambda: other.why_unowned() is None)
        with pair.primary.standing_still():
            with pytest.raises(Exception, match="does not answer"):
                async with asyncio.timeout(BOUND):
                    await put(store, seen(xcalled(info(2), sighting(11))))
            assert over == ["the connection to the database server was lost"]
            await asyncio.to_thread(pair.promote)
            async with asyncio.timeout(BOUND):
                second = await waiting
            assert second.held_before_by == "owner"
            turn = TermTurn(second.token, second.turn, over.append)
            new = await Store.open(url, NAMES, migrate=False, turn=turn, server=GIVEN_UP_SOONER)
            await put(new, seen(xcalled(info(2), sighting(11))))
            await new.close()
