"""The chain watch on a real store, with observed chains and a watch over unjudged legs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from connext_monitor.alerting.chain_watch import ChainWatch
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.alerting.unjudged_watch import UnjudgedWatch
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED, UnobservedDetails
from connext_monitor.core.events import DomainId
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.unjudged import Unjudged
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import UNOBSERVED_AFTER, AnsweringChain
from tests.world.alerts import DESTINATION, LABELS, NOW, ORIGIN, no_causes
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.waiting import BOUND, until

PATIENCE = UNOBSERVED_AFTER


def silent(name: str, seconds: float = 0.0, *, covered: bool = True) -> AnsweringChain:
    """A chain whose covered head rose last so many seconds ago; its clock stands."""
    chain = AnsweringChain(name, clock=ManualClock(NOW), covered=covered)
    chain.fall_silent(seconds)
    return chain


@dataclass
class WatchedChains:
    """A running chain watch."""

    store: Store
    watch: ChainWatch
    gnosis: AnsweringChain
    ethereum: AnsweringChain
    waiting: dict[DomainId, int]
    unjudged: UnjudgedWatch
    held: dict[DomainId, Unjudged]
    unjudged_clock: ManualClock
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def count_unjudged(self) -> None:
        """Have what is ``held`` noticed from now on."""
        self.tasks.append(asyncio.create_task(self.unjudged.run(self.watch.unjudged_changed)))

    async def hold(self, unjudged: Unjudged) -> None:
        """This waits because of gnosis, and has been noticed."""
        self.held[DESTINATION] = unjudged
        await until(lambda: self.unjudged.of(DESTINATION) == unjudged)

    async def settle(self) -> None:
        """Nothing waits because of gnosis, and nothing has for long enough."""
        self.held.clear()
        await until(lambda: self.unjudged.nothing_waits(DESTINATION))
        self.unjudged_clock.advance(PATIENCE)
        await until(lambda: self.unjudged.settled(DESTINATION))
        self.watch.unjudged_changed()

    async def alerts(self) -> list[Alert]:
        """All alerts, the oldest first."""
        return [row.alert for row, _ in reversed(await self.store.alerts.listed(None, limit=100))]

    async def says(self, *alerts: tuple[str, AlertState]) -> None:
        """Wait until these are the subjects and states of all alerts."""
        async with asyncio.timeout(BOUND):
            while [(alert.subject, alert.state) for alert in await self.alerts()] != list(alerts):  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(
    folder: Path, *chains: AnsweringChain, counting: bool = True, woken: Callable[[], None] | None = None
) -> AsyncIterator[WatchedChains]:
    """A watch that looks again only when something happens."""
    gnosis, ethereum = chains or (silent("gnosis", PATIENCE - 0.01), silent("ethereum"))
    by_domain = {DESTINATION: gnosis, ORIGIN: ethereum}
    names = {domain: chain.name for domain, chain in by_domain.items()}
    store = await open_store(folder / "monitor.db", names)
    waiting, held = {DESTINATION: 0, ORIGIN: 0}, dict[DomainId, Unjudged]()
    desk, clock, unjudged_clock = desk_on(store.alerts, "p", woken=woken), SystemClock(), ManualClock(NOW)
    scheduler = AlertScheduler(store.deadlines, by_domain, desk, no_causes, unjudged_clock)
    unjudged = UnjudgedWatch(store.unjudged, desk, scheduler, held.get, names, PATIENCE, unjudged_clock, every=0.0)
    watch = ChainWatch(desk, by_domain, waiting.__getitem__, unjudged, PATIENCE, clock, recount_every=PATIENCE)
    watched = WatchedChains(store, watch, gnosis, ethereum, waiting, unjudged, held, unjudged_clock)
    watched.tasks.append(asyncio.create_task(watch.run()))
    if counting:
        watched.count_unjudged()
    try:
        yield watched
        assert not any(task.done() for task in watched.tasks)
    finally:
        for task in watched.tasks:
            task.cancel()
        await asyncio.gather(*watched.tasks, return_exceptions=True)
        await store.close()


async def test_a_chain_that_is_silent_too_long_is_alerted_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.gnosis.fall_silent(PATIENCE)
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.fall_silent(2 * PATIENCE)
        watched.watch.progressed()
        watched.ethereum.fall_silent(PATIENCE)
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.OPEN), ("ethereum", AlertState.OPEN))


def says(watched: WatchedChains, holds: Callable[[UnobservedDetails], bool]) -> Callable[[], Awaitable[bool]]:
    """Whether gnosis's newest alert is stored with such details: before the watch returns from storing, it has none."""

    async def stored() -> bool:
        alerts = [alert for alert in await watched.alerts() if alert.subject == "gnosis"]
        return bool(alerts) and holds(CHAIN_UNOBSERVED.details_of(alerts[-1]))

    return stored


async def test_the_alert_counts_waiting_deadlines_and_says_why(tmp_path: Path) -> None:
    chain = silent("gnosis", PATIENCE + 5)
    chain.state.trouble = "its endpoint is asleep"
    async with watching(tmp_path, chain, silent("ethereum")) as watched:
        watched.waiting[DESTINATION] = 3
        await watched.says(("gnosis", AlertState.OPEN))
        (alert,) = await watched.alerts()
        assert alert.details == UnobservedDetails(silent_for=105, waiting=3, why="its endpoint is asleep")


async def test_a_chain_that_is_back_resolves_as_observed(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.fall_silent(0)
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        assert (await watched.alerts())[0].resolution == "observed"


async def test_progress_during_the_opening_of_an_alert_ends_it(tmp_path: Path) -> None:
    chains = (silent("gnosis", PATIENCE), silent("ethereum"))

    def back_in_sight() -> None:
        chains[0].fall_silent(0)
        watched.watch.progressed()

    async with watching(tmp_path, *chains, woken=back_in_sight) as watched:
        await watched.says(("gnosis", AlertState.RESOLVED))


async def test_an_alert_ends_once_the_unjudged_legs_have_been_looked_at(tmp_path: Path) -> None:
    chains = (silent("gnosis", PATIENCE), silent("ethereum"))
    async with watching(tmp_path, *chains, counting=False) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.fall_silent(0)
        watched.watch.progressed()
        watched.count_unjudged()
        await watched.says(("gnosis", AlertState.RESOLVED))


async def test_a_second_silence_is_another_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.fall_silent(PATIENCE - 0.1)
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        watched.gnosis.fall_silent(PATIENCE)
        await watched.says(("gnosis", AlertState.RESOLVED), ("gnosis", AlertState.OPEN))
        first, second = await watched.alerts()
        assert first.id != second.id


async def test_a_restart_neither_repeats_nor_resolves_an_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as before:
        await before.says(("gnosis", AlertState.OPEN))
    chains = (silent("gnosis", covered=False), silent("ethereum", PATIENCE))
    async with watching(tmp_path, *chains) as watched:
        await watched.says(("gnosis", AlertState.OPEN), ("ethereum", AlertState.OPEN))
        watched.gnosis.reach_block(1)
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED), ("ethereum", AlertState.OPEN))


async def test_a_chain_no_longer_configured_resolves_as_removed(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as before:
        await before.says(("gnosis", AlertState.OPEN))
    async with watching(tmp_path, silent("base"), silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.RESOLVED))
        assert (await watched.alerts())[0].resolution == "removed"


async def test_the_resolved_alert_says_how_many_had_waited(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.waiting[DESTINATION] = 1200
        watched.gnosis.fall_silent(0)
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        (alert,) = await watched.alerts()
        assert "1,200 deadlines that waited" in compose(alert, None, LABELS).text


REFUSED = Unjudged(3, 130, Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered: node.example refused it"))


async def test_unjudged_legs_of_a_chain_in_sight_open_an_alert(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, silent("gnosis"), silent("ethereum")) as watched:
        await watched.hold(REFUSED)
        await watched.says(("gnosis", AlertState.OPEN))
        message = compose((await watched.alerts())[0], None, LABELS)
        assert message.title == "Transfers cannot be judged: gnosis"
        assert message.text == (
            "3 legs past due cannot be judged: transferStatus is not answered: node.example refused it. "
            "The first of them has waited for 2 min 10 s, and nothing can be said about it meanwhile."
        )


async def test_its_alert_follows_the_number_of_unjudged_legs(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis"), silent("ethereum")) as watched:
        await watched.hold(REFUSED)
        await watched.says(("gnosis", AlertState.OPEN))
        await watched.hold(replace(REFUSED, legs=1, waited_for=500))
        await until(says(watched, lambda details: details.waiting == 1))
        text = compose((await watched.alerts())[0], None, LABELS).text
        assert text.startswith("1 leg past due cannot be judged: ")
        assert "It has waited for 2 min 10 s" in text
        await watched.settle()
        await watched.says(("gnosis", AlertState.RESOLVED))
        (alert,) = await watched.alerts()
        assert alert.resolution == "observed"
        assert compose(alert, None, LABELS).text.startswith("What waited (1 leg past due) has been judged")


async def test_a_chain_back_in_sight_stays_open_while_legs_wait(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as watched:
        watched.waiting[DESTINATION] = 3
        await watched.says(("gnosis", AlertState.OPEN))
        await watched.hold(REFUSED)
        watched.gnosis.fall_silent(0)
        watched.watch.progressed()
        await until(says(watched, lambda details: details.unjudged is not None))
        watched.gnosis.fall_silent(PATIENCE)
        watched.watch.unjudged_changed()
        await until(says(watched, lambda details: details.unjudged is None))
        await watched.says(("gnosis", AlertState.OPEN))
        assert "is not observed" in compose((await watched.alerts())[0], None, LABELS).title


async def test_legs_that_waited_for_an_outage_end_with_it(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, silent("gnosis", PATIENCE), silent("ethereum")) as watched:
        watched.waiting[DESTINATION] = 3
        await watched.says(("gnosis", AlertState.OPEN))
        still_counted = Hindrance(Obstacle.NOT_COVERED, "the last block that could be covered is old")
        await watched.hold(replace(REFUSED, hindrance=still_counted))
        watched.gnosis.fall_silent(0)
        watched.waiting[DESTINATION] = 4
        watched.watch.progressed()
        await until(says(watched, lambda details: details.waiting == 4))
        watched.held.clear()
        await watched.says(("gnosis", AlertState.RESOLVED))
        assert not watched.unjudged.settled(DESTINATION)
        message = compose((await watched.alerts())[0], None, LABELS)
        assert message.title == "Chain gnosis is observed again"
        assert "The 4 deadlines that waited for it have now been judged." in message.text


async def test_a_restart_leaves_its_alert_open_until_legs_are_counted(tmp_path: Path) -> None:
    async with watching(tmp_path, silent("gnosis"), silent("ethereum")) as before:
        await before.hold(REFUSED)
        await before.says(("gnosis", AlertState.OPEN))
    chains = (silent("gnosis"), silent("ethereum", PATIENCE))
    async with watching(tmp_path, *chains, counting=False) as watched:
        await watched.says(("gnosis", AlertState.OPEN), ("ethereum", AlertState.OPEN))
        watched.count_unjudged()
        await watched.settle()
        await watched.says(("gnosis", AlertState.RESOLVED), ("ethereum", AlertState.OPEN))
