"""Routers that fill nothing, on made-up chains and the real store."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.alerting.silence_watch import SilenceWatch
from connext_monitor.config import RouterConfig
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.router_silent import ROUTER_SILENT
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import Address, Pathway, Timestamp
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.router_silence import FilledByOthers, LastExecution
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.nouns import RouterFills
from connext_monitor.store.store import Store
from tests.alerting.set_chains import WatchedChain
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.examples import examples
from tests.world.recording import NAMES, gone, put, seen
from tests.world.transfers import ALPHA, BETA, ROUTER, executed, info, sighting, xcalled
from tests.world.waiting import running, until

OTHER = Address(b"\x0b" * 20)
START = 1_700_000_000
AFTER = 100
LABELS = ChainLabels({domain: ChainLabel(name) for domain, name in NAMES.items()})
OURS = RouterConfig.model_validate(
    {"name": "ours", "address": f"0x{ROUTER.hex()}", "silent_after": "PT100S", "silent_transfers": 2}
)

# One that nobody has watched for long enough.
ANOTHER = RouterConfig.model_validate({"name": "another", "address": f"0x{OTHER.hex()}", "silent_after": "P9D"})


class CountedFills:
    """The store's, and how many looks there were at it."""

    def __init__(self, fills: RouterFills) -> None:
        self._fills = fills
        self.looks = 0

    async def last_by_routers(self) -> list[LastExecution]:
        self.looks += 1
        return await self._fills.last_by_routers()

    async def last_until(self, last: LastExecution, until: Timestamp) -> Timestamp | None:
        return await self._fills.last_until(last, until)

    async def by_others(
        self, pathway: Pathway, router: Address, sent_after: Timestamp, most: int
    ) -> list[FilledByOthers]:
        return await self._fills.by_others(pathway, router, sent_after, most)


class World:
    """Two chains, a store, and a watch that is run for a few looks whenever a test asks for the alerts."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.alpha, self.beta = WatchedChain(NAMES[ALPHA], START), WatchedChain(NAMES[BETA], START)
        self.clock = ManualClock(datetime.fromtimestamp(START, UTC))

    def reach(self, second: int) -> None:
        """So many seconds after the start, all is covered up to then."""
        self.clock.at = datetime.fromtimestamp(START + second, UTC)
        self.alpha.cover(second)
        self.beta.cover(second)

    async def filled(self, nonce: int, sent: int, done: int, *routers: Address) -> EventRecord:
        """A transfer from alpha to beta that was executed by these routers."""
        fill = executed(info(nonce), sighting(done), routers)
        await put(self.store, seen(xcalled(info(nonce), sighting(sent)), fill))
        return fill

    async def looked(self, router: RouterConfig = OURS) -> list[Alert]:
        """All alerts, after a monitor that has just been started has looked a few times."""
        chains = {ALPHA: self.alpha, BETA: self.beta}
        desk = desk_on(self.store.alerts, "ops", clock=self.clock)
        fills = CountedFills(self.store.router_fills)
        watch = SilenceWatch(desk, chains, [router, ANOTHER], fills, LABELS, self.clock, every=0.001)
        async with running(watch.run()):
            await until(lambda: fills.looks > 3)
        return [row.alert for row, _ in await self.store.alerts.listed(None, limit=10)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await open_store(tmp_path / "monitor.db", NAMES)
    yield World(store)
    await store.close()


async def silent(world: World) -> None:
    """It filled at 5, and others, at 60 and later, what was sent at 50 and later."""
    await world.filled(0, 1, 5, ROUTER)
    await world.filled(1, 50, 60, OTHER)
    await world.filled(2, 51, 100)


async def test_a_router_that_fills_nothing_while_others_do_is_told_once(world: World) -> None:
    await silent(world)
    world.reach(130)
    await world.looked()
    [alert] = await world.looked()  # after a restart
    details = ROUTER_SILENT.details_of(alert)
    assert (alert.subject, alert.resolution) == ("ours", None)
    assert (details.quiet_since, details.last_fill, details.transfers, details.slow) == (START + 30, START + 5, 2, 1)


async def test_nothing_is_told_before_the_silence_has_been_covered(world: World) -> None:
    await silent(world)
    world.reach(130)
    world.beta.cover(105)
    assert await world.looked() == []
    assert set(world.beta.wished) == {START + 105}
    world.beta.cover(106)
    assert len(await world.looked()) == 1


@pytest.mark.parametrize("router", [{}, {"silent_transfers": 3}, {"silent_after": "PT200S"}, {"silent_after": ""}])
async def test_what_is_nearly_a_silence_alerts_nobody(world: World, router: dict[str, object]) -> None:
    await silent(world)
    world.reach(130)
    if not router:
        await world.filled(3, 90, 95, OTHER, ROUTER)
    assert await world.looked(OURS.model_copy(update=_read(router))) == []


def _read(router: dict[str, object]) -> dict[str, object]:
    table = {"name": "ours", "address": f"0x{ROUTER.hex()}", **router}
    read = RouterConfig.model_validate(table)
    return {key: getattr(read, key) for key in router}


async def test_transfers_on_other_pathways_are_nothing_it_could_have_filled(world: World) -> None:
    await silent(world)
    world.reach(130)
    elsewhere = {"name": "ours", "address": f"0x{ROUTER.hex()}", "pathways": [{"origin": "beta"}]}
    assert await world.looked(RouterConfig.model_validate(elsewhere | {"silent_after": "PT100S"})) == []


@pytest.mark.parametrize("balance", [0, 10**18 - 1, "refused eth_call"])
async def test_what_it_may_have_no_liquidity_for_is_not_held_against_it(world: World, balance: int | str) -> None:
    await silent(world)
    world.reach(130)
    world.beta.balance = balance
    assert await world.looked() == []
    assert world.beta.asked


async def test_a_chain_out_of_sight_keeps_it_from_being_accused(world: World) -> None:
    await silent(world)
    world.reach(130)
    world.alpha.covered = None  # it might be filling there
    assert await world.looked() == []


@pytest.mark.parametrize("began", [None, Timestamp(START + 31)])
async def test_a_time_that_was_not_watched_accuses_nobody(world: World, began: Timestamp | None) -> None:
    await silent(world)  # as a backfill may have read it
    world.reach(130)
    world.alpha.began = began
    assert await world.looked() == []


async def test_a_covered_fill_ends_it_and_a_pushed_one_does_not(world: World) -> None:
    await silent(world)
    world.reach(130)
    await world.looked()
    pushed = await world.filled(3, 125, 135, ROUTER)
    assert [alert.resolution for alert in await world.looked()] == [None]
    await put(world.store, gone(pushed))
    world.reach(140)
    assert [alert.resolution for alert in await world.looked()] == [None]
    await world.filled(3, 125, 136, ROUTER)
    assert [alert.resolution for alert in await world.looked()] == [Resolution.FILLING]


async def test_a_covered_fill_ends_it_also_where_later_ones_are_not_covered(world: World) -> None:
    await silent(world)
    world.reach(130)
    await world.looked()
    for nonce, done in ((3, 131), (4, 141)):
        await world.filled(nonce, 125, done, ROUTER)
        assert [alert.resolution for alert in await world.looked()] == [None]
    world.reach(140)
    assert [alert.resolution for alert in await world.looked()] == [Resolution.FILLING]


async def test_a_fill_that_was_taken_back_leaves_it_silent_anew(world: World) -> None:
    await silent(world)
    world.reach(130)
    await world.looked()
    filled = await world.filled(3, 125, 130, ROUTER)
    assert [alert.resolution for alert in await world.looked()] == [Resolution.FILLING]
    await put(world.store, gone(filled))
    world.reach(131)
    again, before = await world.looked()
    assert (again.resolution, before.resolution) == (None, Resolution.FILLING)
    assert ROUTER_SILENT.details_of(again).last_fill == START + 5


async def test_a_router_that_is_named_no_more_ends_its_alert(world: World) -> None:
    await silent(world)
    world.reach(130)
    await world.looked()
    [alert] = await world.looked(OURS.model_copy(update={"silent_after": None}))
    assert alert.resolution is Resolution.REMOVED


@examples(10)
@given(st.permutations(range(8)), st.sets(st.integers(1, 7)))
async def test_any_order_of_the_same_events_gives_the_same_alert(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int]
) -> None:
    fills = [(1, 5, (ROUTER,)), (50, 60, (OTHER,)), (51, 100, ()), (52, 101, (OTHER,))]
    events = [
        record
        for nonce, (sent, done, routers) in enumerate(fills)
        for record in (xcalled(info(nonce), sighting(sent)), executed(info(nonce), sighting(done), routers))
    ]
    store = await open_store(tmp_path_factory.mktemp("order") / "monitor.db", NAMES)
    world = World(store)
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), 8], strict=True):
        await put(store, seen(*(events[number] for number in order[first:last])))
    world.reach(130)
    [alert] = await world.looked()
    await store.close()
    details = ROUTER_SILENT.details_of(alert)
    assert (details.quiet_since, details.last_fill, details.transfers, details.slow) == (START + 30, START + 5, 3, 1)
