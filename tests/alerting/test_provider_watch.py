"""The provider watch on a real store: a channel that takes nothing is reported on the others, and so is its end."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connext_monitor.alerting.provider_watch import ProviderWatch
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.labels import ChainLabels
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.waiting import until

ALL = ("ops", "desk", "machines")


@dataclass
class Watched:
    store: Store
    watch: ProviderWatch
    woken: list[None]
    clock: Clock

    def failed(self, name: str, reason: str, *, dead: bool, since: datetime | None = None) -> None:
        """It fails, and has not before; or has ``since`` then."""
        self.watch.failed(name, reason, dead=dead, since=since or self.clock.now())

    async def alerts(self) -> list[tuple[str, AlertState, str | None]]:
        rows = await self.store.alerts.listed(None, limit=100)
        return [(row.alert.subject, row.alert.state, row.alert.resolution) for row, _ in reversed(rows)]

    async def says(self, *alerts: tuple[str, AlertState, str | None]) -> None:
        async with asyncio.timeout(60):
            while await self.alerts() != list(alerts):  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)

    async def queued(self) -> dict[str, list[str]]:
        """The changes that wait for each provider."""
        waiting: dict[str, list[str]] = {}
        for name in ALL:
            if delivery := await self.store.outbox.next_delivery(name):
                waiting[name] = [f"{delivery.alert.subject} {delivery.change.value}"]
        return waiting


def route(alert: Alert) -> Collection[str]:
    return [name for name in ALL if name != alert.subject]


@asynccontextmanager
async def watching(
    folder: Path, *, providers: Collection[str] = ALL, patience: float = 3600.0, clock: Clock | None = None
) -> AsyncIterator[Watched]:
    store = await open_store(folder / "monitor.db", {})
    woken: list[None] = []
    desk = desk_on(store.alerts, route=route, woken=lambda: woken.append(None))
    clock = clock or SystemClock()
    watch = ProviderWatch(desk, providers, clock, patience)
    running = asyncio.create_task(watch.run())
    try:
        yield Watched(store, watch, woken, clock)
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def test_a_channel_that_refuses_for_good_is_reported_on_the_others(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.failed("ops", "answered 404 Not Found", dead=True)
        await watched.says(("ops", AlertState.OPEN, None))
        await until(lambda: watched.woken)
        assert await watched.queued() == {"desk": ["ops opened"], "machines": ["ops opened"]}


async def test_a_channel_is_reported_once_it_has_failed_long_enough(tmp_path: Path) -> None:
    async with watching(tmp_path, patience=0.3) as watched:
        watched.failed("ops", "answered 503 Service Unavailable", dead=False)
        watched.failed("desk", "answered 503 Service Unavailable", dead=False)
        watched.watch.took("desk")
        await watched.says(("ops", AlertState.OPEN, None))
        # No second failure was needed: a channel may have asked not to be tried again for an hour.
    async with watching(tmp_path) as patient:
        patient.failed("machines", "answered 503 Service Unavailable", dead=False)
        patient.failed("desk", "answered 410 Gone", dead=True)
        await patient.says(("ops", AlertState.OPEN, None), ("desk", AlertState.OPEN, None))


async def test_a_channel_that_takes_a_message_again_resolves_as_recovered(tmp_path: Path) -> None:
    async with watching(tmp_path, patience=0.0) as watched:
        watched.failed("ops", "did not answer within 10 s", dead=False)
        await watched.says(("ops", AlertState.OPEN, None))
        watched.failed("ops", "did not answer within 10 s", dead=False)
        watched.watch.took("ops")
        await watched.says(("ops", AlertState.RESOLVED, "recovered"))
        watched.failed("ops", "did not answer within 10 s", dead=False)
        await watched.says(("ops", AlertState.RESOLVED, "recovered"), ("ops", AlertState.OPEN, None))


async def test_a_flapping_channel_is_reported_once(tmp_path: Path) -> None:
    """After a relapse it is recovered only when it has taken what came for as long as it may fail."""
    failed = ("ops", AlertState.OPEN, None)
    recovered = ("ops", AlertState.RESOLVED, "recovered")
    clock = ManualClock(datetime.now(UTC))
    async with watching(tmp_path, clock=clock, patience=60.0) as watched:
        watched.failed("ops", "answered 503 Service Unavailable", dead=False)
        clock.advance(70)
        watched.failed("ops", "answered 503 Service Unavailable", dead=False)
        await watched.says(failed)
        watched.watch.took("ops")
        await watched.says(recovered)
        for _ in range(3):
            watched.failed("ops", "answered 503 Service Unavailable", dead=False)
            clock.advance(70)
            watched.failed("ops", "answered 503 Service Unavailable", dead=False)
            await watched.says(recovered, failed)
            watched.watch.took("ops")
            clock.advance(50)
            watched.watch.took("ops")
            await asyncio.sleep(0.05)  # the watch looks, and does not believe it yet
        clock.advance(20)
        watched.watch.took("ops")
        await watched.says(recovered, recovered)


async def test_a_restart_neither_repeats_nor_resolves_a_failure(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path) as before:
        before.failed("ops", "answered 404 Not Found", dead=True)
        await before.says(("ops", AlertState.OPEN, None))
    async with watching(tmp_path) as watched:
        watched.failed("ops", "answered 404 Not Found", dead=True)
        watched.failed("desk", "answered 404 Not Found", dead=True)
        await watched.says(("ops", AlertState.OPEN, None), ("desk", AlertState.OPEN, None))
        watched.watch.took("ops")
        await watched.says(("ops", AlertState.RESOLVED, "recovered"), ("desk", AlertState.OPEN, None))


async def test_how_long_a_channel_failed_before_a_restart_counts(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))
    before, failed = clock.now() - timedelta(seconds=55), ("ops", AlertState.OPEN, None)
    async with watching(tmp_path, clock=clock, patience=60.0) as watched:
        watched.failed("ops", "answered 503 Service Unavailable", dead=False, since=before)
        watched.failed("desk", "answered 503 Service Unavailable", dead=False)
        clock.advance(10)
        assert watched.watch.failing == ["ops"]
        watched.failed("ops", "answered 503 Service Unavailable", dead=False, since=before)
        await watched.says(failed)


async def test_a_channel_has_a_fair_chance_after_a_long_downtime(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with watching(tmp_path, clock=clock, patience=60.0) as watched:
        long_ago = clock.now() - timedelta(days=1)
        watched.failed("ops", "answered 503 Service Unavailable", dead=False, since=long_ago)
        clock.advance(9)
        assert watched.watch.failing == []
        clock.advance(1)
        assert watched.watch.failing == ["ops"]
        watched.watch.took("ops")
        assert watched.watch.failing == []


async def test_a_channel_no_longer_configured_resolves_as_removed(tmp_path: Path) -> None:
    async with watching(tmp_path) as before:
        before.failed("ops", "answered 404 Not Found", dead=True)
        await before.says(("ops", AlertState.OPEN, None))
    async with watching(tmp_path, providers=("desk", "machines")) as watched:
        await watched.says(("ops", AlertState.RESOLVED, "removed"))


async def test_the_message_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.failed("ops", "answered 404 Not Found, unknown webhook (code 10015)", dead=True)
        await watched.says(("ops", AlertState.OPEN, None))
        ((row, _),) = await watched.store.alerts.listed(None, limit=1)
        message = compose(row.alert, None, ChainLabels({}))
        assert message.title == "Alert provider ops refuses for good"
        assert message.text == (
            "It answered 404 Not Found, unknown webhook (code 10015). Correct its address or key in the config and "
            "restart; its alerts wait in the database until then."
        )
