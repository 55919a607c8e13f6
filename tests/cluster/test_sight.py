"""What instances say that they see: a standby looks often only while the owner asks, and the owner asks while blind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from connext_monitor.cluster.handover import HandoverWatch, SightWatch
from connext_monitor.config import DatabaseUrl
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.handover import Handover, HandoverTimes, OwnSight
from connext_monitor.core.ownership import Instance, Lease
from connext_monitor.store.lease_desk import LeaseDesk
from tests.world import postgres
from tests.world.waiting import until

pytestmark = pytest.mark.server

TIMES = HandoverTimes(unobserved_after=6.0)
LEFT, RIGHT = Instance("left", "1.0", "same"), Instance("right", "1.0", "same")
HEAD = BlockNumber(11)
IN_SIGHT, OUT_OF_SIGHT = OwnSight(BlockNumber(10), 0.0), OwnSight(BlockNumber(10), 5.0)


@pytest.fixture
def url(server: postgres.Server) -> Iterator[DatabaseUrl]:
    with server.database() as url:
        yield url


@pytest.fixture
async def desk(url: DatabaseUrl) -> AsyncIterator[LeaseDesk]:
    desk = LeaseDesk(url)
    await desk.look(LEFT, 0)
    await desk.look(RIGHT, 0)
    await desk.take(LEFT, "a", Lease(None, 0))
    yield desk
    await desk.close()


@dataclass
class Standby:
    """Right, which sees alpha up to ``head``, unless that is None."""

    desk: LeaseDesk
    head: BlockNumber | None = HEAD
    looks: int = 0

    async def probe(self) -> BlockNumber | None:
        self.looks += 1
        return self.head

    def watch(self, asked: Callable[[], bool]) -> SightWatch:
        return SightWatch(RIGHT, self.desk, {"alpha": self.probe}, asked, 1.0, 3600.0, TIMES)


@dataclass
class Owner:
    """Left, with its own ``sight`` of alpha; to whom it has handed over."""

    desk: LeaseDesk
    sight: OwnSight = IN_SIGHT
    handovers: list[Handover] = field(default_factory=list)

    def watch(self) -> HandoverWatch:
        return HandoverWatch(LEFT, "a", self.desk, lambda: {"alpha": self.sight}, self.handovers.append, 1.0, TIMES)


@asynccontextmanager
async def running(*watches: Awaitable[object]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(watch) for watch in watches]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def sight_asked(desk: LeaseDesk) -> bool:
    return (await desk.look(RIGHT, None)).sight_wanted


async def test_a_standby_looks_again_and_again_only_while_it_is_asked(desk: LeaseDesk) -> None:
    asked = False
    standby = Standby(desk)
    async with running(standby.watch(lambda: asked).run()):
        await until(lambda: standby.looks == 1)
        await asyncio.sleep(4 * TIMES.probe_every)
        assert standby.looks == 1
        asked = True
        await until(lambda: standby.looks >= 3)
    (sight,), _ = await desk.sights(LEFT)
    assert sight.heads == {"alpha": 11}


async def test_a_chain_that_is_not_seen_is_not_named(desk: LeaseDesk) -> None:
    standby = Standby(desk, head=None)
    async with running(standby.watch(lambda: True).run()):
        await until(lambda: standby.looks >= 2)
    (sight,), _ = await desk.sights(LEFT)
    assert sight.heads == {}


async def test_an_owner_asks_while_it_has_lost_a_chain(desk: LeaseDesk) -> None:
    owner = Owner(desk)
    async with running(owner.watch().run()):
        await until(lambda: _sees(desk, ["alpha"]))
        assert not await sight_asked(desk)
        owner.sight = OUT_OF_SIGHT
        await until(lambda: sight_asked(desk))
        await until(lambda: _sees(desk, []))
        owner.sight = IN_SIGHT
        await until(lambda: _asks_no_more(desk))
        await until(lambda: _sees(desk, ["alpha"]))
    assert owner.handovers == []


async def test_an_owner_hands_over_once_to_who_sees_more(desk: LeaseDesk) -> None:
    owner, standby = Owner(desk, OUT_OF_SIGHT), Standby(desk)
    async with running(owner.watch().run(), standby.watch(lambda: True).run()):
        await until(lambda: owner.handovers)
        await asyncio.sleep(4 * TIMES.probe_every)
    assert owner.handovers == [Handover("right", ("alpha",))]


async def test_an_owner_that_was_handed_the_work_lately_keeps_it(desk: LeaseDesk) -> None:
    await desk.hand_over("a", Handover("left", ("beta",)))
    await desk.take(LEFT, "a", Lease(None, 1, "left"))
    owner, standby = Owner(desk, OUT_OF_SIGHT), Standby(desk)
    async with running(owner.watch().run(), standby.watch(lambda: True).run()):
        await until(lambda: standby.looks >= 4)
    assert owner.handovers == []


async def test_while_the_server_is_away_nobody_s_watch_ends(
    desk: LeaseDesk, server: postgres.Server, url: DatabaseUrl
) -> None:
    owner, standby = Owner(desk, OUT_OF_SIGHT), Standby(desk)
    with server.refusing(url):
        async with running(owner.watch().run(), standby.watch(lambda: True).run()):
            await until(lambda: standby.looks >= 3)
            assert owner.handovers == []
    async with running(owner.watch().run(), standby.watch(lambda: True).run()):
        await until(lambda: owner.handovers)


async def _sees(desk: LeaseDesk, chains: list[str]) -> bool:
    sights, _ = await desk.sights(RIGHT)
    return [sorted(sight.heads) for sight in sights] == [chains]


async def _asks_no_more(desk: LeaseDesk) -> bool:
    return not await sight_asked(desk)
