"""The chain watch on a real store, with chains whose silence a test sets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from connext_monitor.alerting.chain_watch import ChainWatch
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED, UnobservedDetails
from connext_monitor.core.events import DomainId
from connext_monitor.core.unjudged import Hindrance, Obstacle, Unjudged
from connext_monitor.store.store import Store
from tests.world.alerts import DESTINATION, LABELS, ORIGIN
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.waiting import until

PATIENCE = 100.0


@dataclass
class Silent:
    """A chain that has been silent for so many seconds."""

    name: str
    silent_for: float = 0.0
    trouble: str | None = None
    started: bool = True

    @property
    def observed(self) -> bool:
        return self.started and self.silent_for < PATIENCE


class Unjudging:
    """Knows of those unjudged legs that a test says there are."""

    def __init__(self) -> None:
        self.by_chain: dict[DomainId, Unjudged] = {}
        self.standing: set[DomainId] = set()

    def of(self, domain: DomainId) -> Unjudged | None:
        return self.by_chain.get(domain)

    def nothing_waits(self, domain: DomainId) -> bool:
        return domain not in self.by_chain

    def settled(self, domain: DomainId) -> bool:
        return domain not in self.by_chain and domain not in self.standing


@dataclass
class Watched:
    """A running chain watch."""

    store: Store
    watch: ChainWatch
    gnosis: Silent
    ethereum: Silent
    waiting: dict[DomainId, int]
    unjudged: Unjudging

    async def alerts(self) -> list[Alert]:
        """All alerts, the oldest first."""
        return [row.alert for row, _ in reversed(await self.store.alerts.listed(None, limit=100))]

    async def says(self, *alerts: tuple[str, AlertState]) -> None:
        """Wait until these are the subjects and states of all alerts."""
        async with asyncio.timeout(10):
            while [(alert.subject, alert.state) for alert in await self.alerts()] != list(alerts):  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(
    folder: Path, *chains: Silent, standing: DomainId | None = None, woken: Callable[[], None] | None = None
) -> AsyncIterator[Watched]:
    """A watch that looks again only when something happens."""
    gnosis, ethereum = chains or (Silent("gnosis", silent_for=PATIENCE - 0.01), Silent("ethereum"))
    store = await open_store(folder / "monitor.db", {DESTINATION: gnosis.name, ORIGIN: ethereum.name})
    waiting = {DESTINATION: 0, ORIGIN: 0}
    by_domain = {DESTINATION: gnosis, ORIGIN: ethereum}
    unjudged, clock = Unjudging(), SystemClock()
    unjudged.standing.update([] if standing is None else [standing])
    desk = desk_on(store.alerts, "p", woken=woken)
    watch = ChainWatch(desk, by_domain, waiting.__getitem__, unjudged, PATIENCE, clock, recount_every=PATIENCE)
    running = asyncio.create_task(watch.run())
    try:
        yield Watched(store, watch, gnosis, ethereum, waiting, unjudged)
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def test_a_chain_that_is_silent_too_long_is_alerted_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.gnosis.silent_for = PATIENCE
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.silent_for = 2 * PATIENCE
        watched.watch.progressed()
        watched.ethereum.silent_for = PATIENCE
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.OPEN), ("ethereum", AlertState.OPEN))


def says(watched: Watched, holds: Callable[[UnobservedDetails], bool]) -> Callable[[], Awaitable[bool]]:
    """Whether gnosis's newest alert is stored with such details: before the watch returns from storing, it has none."""

    async def stored() -> bool:
        alerts = [alert for alert in await watched.alerts() if alert.subject == "gnosis"]
        return bool(alerts) and holds(CHAIN_UNOBSERVED.details_of(alerts[-1]))

    return stored


async def test_the_alert_counts_waiting_deadlines_and_says_why(tmp_path: Path) -> None:
    chain = Silent("gnosis", silent_for=PATIENCE + 5, trouble="its endpoint is asleep")
    async with watching(tmp_path, chain, Silent("ethereum")) as watched:
        watched.waiting[DESTINATION] = 3
        await watched.says(("gnosis", AlertState.OPEN))
        (alert,) = await watched.alerts()
        assert alert.details == UnobservedDetails(silent_for=105, waiting=3, why="its endpoint is asleep")


async def test_a_chain_that_is_back_resolves_as_observed(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.silent_for = 0
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        assert (await watched.alerts())[0].resolution == "observed"


async def test_progress_during_the_opening_of_an_alert_ends_it(tmp_path: Path) -> None:
    chains = (Silent("gnosis", silent_for=PATIENCE), Silent("ethereum"))

    def back_in_sight() -> None:
        chains[0].silent_for = 0
        watched.watch.progressed()

    async with watching(tmp_path, *chains, woken=back_in_sight) as watched:
        await watched.says(("gnosis", AlertState.RESOLVED))


async def test_a_second_silence_is_another_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.gnosis.silent_for = PATIENCE - 0.1
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        watched.gnosis.silent_for = PATIENCE
        await watched.says(("gnosis", AlertState.RESOLVED), ("gnosis", AlertState.OPEN))
        first, second = await watched.alerts()
        assert first.id != second.id


async def test_a_restart_neither_repeats_nor_resolves_an_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as before:
        await before.says(("gnosis", AlertState.OPEN))
    chains = (Silent("gnosis", started=False), Silent("ethereum", silent_for=PATIENCE))
    async with watching(tmp_path, *chains) as watched:
        await watched.says(("gnosis", AlertState.OPEN), ("ethereum", AlertState.OPEN))
        watched.gnosis.started = True
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED), ("ethereum", AlertState.OPEN))


async def test_a_chain_no_longer_configured_resolves_as_removed(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as before:
        await before.says(("gnosis", AlertState.OPEN))
    async with watching(tmp_path, Silent("base"), Silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.RESOLVED))
        assert (await watched.alerts())[0].resolution == "removed"


async def test_the_resolved_alert_says_how_many_had_waited(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as watched:
        await watched.says(("gnosis", AlertState.OPEN))
        watched.waiting[DESTINATION] = 1200
        watched.gnosis.silent_for = 0
        watched.watch.progressed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        (alert,) = await watched.alerts()
        assert "1,200 deadlines that waited" in compose(alert, None, LABELS).text


REFUSED = Unjudged(3, 130, Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered: node.example refused it"))


async def test_unjudged_legs_of_a_chain_in_sight_open_an_alert(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, Silent("gnosis"), Silent("ethereum")) as watched:
        watched.unjudged.by_chain[DESTINATION] = REFUSED
        watched.watch.unjudged_changed()
        await watched.says(("gnosis", AlertState.OPEN))
        message = compose((await watched.alerts())[0], None, LABELS)
        assert message.title == "Transfers cannot be judged: gnosis"
        assert message.text == (
            "3 legs past due cannot be judged: transferStatus is not answered: node.example refused it. "
            "The first of them has waited for 2 min 10 s, and nothing can be said about it meanwhile."
        )


async def test_its_alert_follows_the_number_of_unjudged_legs(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis"), Silent("ethereum")) as watched:
        watched.unjudged.by_chain[DESTINATION] = REFUSED
        watched.watch.unjudged_changed()
        await watched.says(("gnosis", AlertState.OPEN))
        watched.unjudged.by_chain[DESTINATION] = replace(REFUSED, legs=1, waited_for=500)
        watched.watch.unjudged_changed()
        await until(says(watched, lambda details: details.waiting == 1))
        text = compose((await watched.alerts())[0], None, LABELS).text
        assert text.startswith("1 leg past due cannot be judged: ")
        assert "It has waited for 2 min 10 s" in text
        del watched.unjudged.by_chain[DESTINATION]
        watched.watch.unjudged_changed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        (alert,) = await watched.alerts()
        assert alert.resolution == "observed"
        assert compose(alert, None, LABELS).text.startswith("What waited (1 leg past due) has been judged")


async def test_a_chain_back_in_sight_stays_open_while_legs_wait(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as watched:
        watched.waiting[DESTINATION] = 3
        await watched.says(("gnosis", AlertState.OPEN))
        watched.unjudged.by_chain[DESTINATION] = REFUSED
        watched.gnosis.silent_for = 0
        watched.watch.progressed()
        await until(says(watched, lambda details: details.unjudged is not None))
        watched.gnosis.silent_for = PATIENCE
        watched.watch.unjudged_changed()
        await until(says(watched, lambda details: details.unjudged is None))
        await watched.says(("gnosis", AlertState.OPEN))
        assert "is not observed" in compose((await watched.alerts())[0], None, LABELS).title


async def test_legs_that_waited_for_an_outage_end_with_it(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, Silent("gnosis", silent_for=PATIENCE), Silent("ethereum")) as watched:
        watched.waiting[DESTINATION] = 3
        await watched.says(("gnosis", AlertState.OPEN))
        still_counted = Hindrance(Obstacle.NOT_COVERED, "the last block that could be covered is old")
        watched.unjudged.by_chain[DESTINATION] = replace(REFUSED, hindrance=still_counted)
        watched.unjudged.standing.add(DESTINATION)
        watched.gnosis.silent_for = 0
        watched.waiting[DESTINATION] = 4
        watched.watch.progressed()
        await until(says(watched, lambda details: details.waiting == 4))
        del watched.unjudged.by_chain[DESTINATION]
        watched.watch.unjudged_changed()
        await watched.says(("gnosis", AlertState.RESOLVED))
        message = compose((await watched.alerts())[0], None, LABELS)
        assert message.title == "Chain gnosis is observed again"
        assert "The 4 deadlines that waited for it have now been judged." in message.text


async def test_a_restart_leaves_its_alert_open_until_legs_are_counted(tmp_path: Path) -> None:
    async with watching(tmp_path, Silent("gnosis"), Silent("ethereum")) as before:
        before.unjudged.by_chain[DESTINATION] = REFUSED
        before.watch.unjudged_changed()
        await before.says(("gnosis", AlertState.OPEN))
    chains = (Silent("gnosis"), Silent("ethereum", silent_for=PATIENCE))
    async with watching(tmp_path, *chains, standing=DESTINATION) as watched:
        await watched.says(("gnosis", AlertState.OPEN), ("ethereum", AlertState.OPEN))
        watched.unjudged.standing.clear()
        watched.watch.unjudged_changed()
        await watched.says(("gnosis", AlertState.RESOLVED), ("ethereum", AlertState.OPEN))
