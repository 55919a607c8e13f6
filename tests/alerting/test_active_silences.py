"""Silences on a real store: nothing is delivered meanwhile, and at the end all that is still open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.active_silences import ActiveSilences
from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.store.store import Store
from tests.world.alerts import DESTINATION, DUE_AT, LABELS, NOW, ORIGIN, TRANSFER_ID, UNOBSERVED
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.kinds import overdue
from tests.world.waiting import until

CLOCK = SystemClock()
LATE = overdue(TRANSFER_ID, Leg.EXECUTE, DUE_AT, NOW, (ORIGIN, DESTINATION))


def silence(**conditions: object) -> Silence:
    return Silence(0, CLOCK.now() + timedelta(hours=1), **conditions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("conditions", "late", "unobserved"),
    [
        ({}, True, True),
        ({"kind": EXECUTE_OVERDUE}, True, False),
        ({"origin": "ethereum"}, True, False),
        ({"origin": "gnosis"}, False, False),
        ({"destination": "gnosis"}, True, False),
        ({"origin": "ethereum", "destination": "base"}, False, False),
        ({"subject": "gnosis"}, False, True),
        ({"subject": LATE.subject}, True, False),
        ({"subject": LATE.id, "ack": True}, True, False),
        ({"kind": CHAIN_UNOBSERVED, "subject": LATE.subject}, False, False),
    ],
)
def test_a_silence_covers_what_all_its_conditions_name(
    conditions: dict[str, object], late: bool, unobserved: bool
) -> None:
    made = silence(**conditions)
    assert (made.covers(LATE, LABELS), made.covers(UNOBSERVED, LABELS)) == (late, unobserved)


@dataclass
class Bench:
    store: Store
    silences: ActiveSilences
    woken: list[None]

    @property
    def desk(self) -> AlertDesk:
        desk = AlertDesk(self.store.alerts, lambda _alert: ["desk", "ops"], CLOCK, self.silences.cover)
        desk.on_change(lambda: self.woken.append(None))
        return desk

    async def opened(self, alert: Alert) -> None:
        await self.desk.open(alert)
        self.woken.clear()

    async def waiting(self, provider: str = "ops") -> tuple[str, Change] | None:
        delivery = await self.store.outbox.next_delivery(provider)
        return (delivery.alert.id, delivery.change) if delivery else None

    async def sent(self, provider: str) -> None:
        delivery = await self.store.outbox.next_delivery(provider)
        assert delivery is not None
        await self.store.outbox.delivery_sent(delivery.id, "message 1", NOW)

    async def ends(self, made: Silence) -> None:
        """Cut it short, and wait until its end has been dealt with."""
        assert await self.store.silences.cut_short(made.id, CLOCK.now() - timedelta(seconds=1))
        running = asyncio.create_task(self.silences.run(self.desk))
        await until(lambda: self.woken)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await self.store.silences.standing() == []


@asynccontextmanager
async def bench(folder: Path, clock: Clock = CLOCK, settled: Callable[[], bool] = lambda: True) -> AsyncIterator[Bench]:
    store = await open_store(folder / "monitor.db", {})
    yield Bench(store, ActiveSilences(store.silences, LABELS, clock, settled), [])
    await store.close()


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as quiet_bench:
        yield quiet_bench


async def test_what_opens_during_a_silence_is_delivered_at_its_end(made: Bench) -> None:
    quiet = await made.store.silences.make(silence(kind=EXECUTE_OVERDUE, reason="upgrade"), NOW)
    assert await made.silences.load() == []
    await made.opened(LATE)
    await made.opened(UNOBSERVED)
    assert await made.waiting() == (UNOBSERVED.id, Change.OPENED)
    assert {alert.id for alert in await made.store.alerts.every_open()} == {LATE.id, UNOBSERVED.id}
    await made.sent("ops")
    await made.ends(quiet)
    assert await made.waiting() == (LATE.id, Change.OPENED)


async def test_what_ends_during_a_silence_is_never_delivered(made: Bench) -> None:
    quiet = await made.store.silences.make(silence(), NOW)
    await made.silences.load()
    await made.opened(LATE)
    await made.store.alerts.resolve(ResolveAlert.of(LATE, Resolution.EXECUTED), NOW)
    await made.ends(quiet)
    assert await made.waiting() is None


async def test_the_end_of_a_silence_repeats_no_delivered_alert(made: Bench) -> None:
    await made.store.alerts.open(LATE, ["ops"])
    await made.sent("ops")
    quiet = await made.store.silences.make(silence(), NOW)
    await made.ends(quiet)
    assert await made.waiting("ops") is None
    assert await made.waiting("desk") == (LATE.id, Change.OPENED)


async def test_what_becomes_critical_during_a_silence_is_delivered_again(made: Bench) -> None:
    await made.store.alerts.open(LATE, ["ops"])
    await made.sent("ops")
    quiet = await made.store.silences.make(silence(), NOW)
    await made.silences.load()
    assert await made.desk.escalate(LATE)
    assert await made.waiting() is None
    made.woken.clear()
    await made.ends(quiet)
    assert await made.waiting() == (LATE.id, Change.OPENED)
    await made.sent("ops")
    made.woken.clear()
    another = await made.store.silences.make(silence(), NOW)
    await made.ends(another)
    assert await made.waiting() is None


async def test_an_acknowledged_alert_is_delivered_again_if_still_open(made: Bench) -> None:
    await made.opened(LATE)
    await made.sent("ops")
    seen = await made.store.silences.make(silence(subject=LATE.id, ack=True), NOW)
    await made.ends(seen)
    assert await made.waiting("ops") == (LATE.id, Change.OPENED)
    await made.sent("ops")
    await made.store.alerts.resolve(ResolveAlert.of(LATE, Resolution.EXECUTED), NOW)
    assert await made.waiting("ops") == (LATE.id, Change.RESOLVED)


async def test_one_silence_ends_while_another_goes_on(made: Bench) -> None:
    short = await made.store.silences.make(silence(), NOW)
    await made.store.silences.make(silence(kind=EXECUTE_OVERDUE), NOW)
    await made.silences.load()
    await made.opened(LATE)
    assert await made.store.silences.cut_short(short.id, NOW)
    running = asyncio.create_task(made.silences.run(made.desk))
    await until(lambda: made.woken)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await made.waiting() is None
    assert [silence.kind for silence in await made.store.silences.standing()] == [EXECUTE_OVERDUE]


async def test_a_silence_outlives_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as before:
        await before.store.silences.make(silence(), NOW)
    async with bench(tmp_path) as after:
        await after.silences.load()
        await after.opened(LATE)
        assert await after.waiting() is None


async def test_an_alert_that_ends_before_the_commit_is_not_delivered(made: Bench) -> None:
    quiet = await made.store.silences.make(silence(), NOW)
    await made.store.alerts.open(LATE, [])
    await made.store.alerts.resolve(ResolveAlert.of(LATE, Resolution.EXECUTED), NOW)
    assert await made.store.silences.end(quiet, {LATE.id: ["ops"], "gone": ["ops"]}, NOW) == 0
    assert await made.waiting() is None


HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


@pytest.mark.parametrize("wrong", [YEAR, -YEAR, HOUR / 2, -HOUR / 2])
async def test_it_lasts_as_long_as_asked_by_whatever_clock(tmp_path: Path, wrong: timedelta) -> None:
    clock = ManualClock(NOW, running=True)
    async with bench(tmp_path, clock) as quiet_bench:
        await quiet_bench.silences.load()
        made = await quiet_bench.store.silences.make(Silence(0, NOW + wrong + HOUR), NOW + wrong)
        assert await quiet_bench.silences.load() == []
        assert quiet_bench.silences.cover(LATE)
        clock.at = NOW + HOUR - timedelta(seconds=1)
        assert await quiet_bench.silences.load() == []
        assert [kept.until for kept in await quiet_bench.store.silences.standing()] == [NOW + HOUR]
        clock.at = NOW + HOUR
        assert [ended.id for ended in await quiet_bench.silences.load()] == [made.id]


async def test_one_from_the_future_is_redated_after_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path, ManualClock(NOW, running=True)) as quiet_bench:
        await quiet_bench.store.silences.make(Silence(0, NOW + YEAR + HOUR), NOW + YEAR)
        await quiet_bench.silences.load()
        assert [kept.until for kept in await quiet_bench.store.silences.standing()] == [NOW + HOUR]


async def test_it_is_cut_short_at_once_by_whatever_clock(tmp_path: Path) -> None:
    async with bench(tmp_path, ManualClock(NOW, running=True)) as quiet_bench:
        made = await quiet_bench.store.silences.make(Silence(0, NOW + HOUR), NOW)
        await quiet_bench.silences.load()
        assert await quiet_bench.store.silences.cut_short(made.id, NOW + YEAR)
        assert [ended.id for ended in await quiet_bench.silences.load()] == [made.id]
        assert not quiet_bench.silences.cover(LATE)


async def test_it_stays_in_force_until_the_clock_is_trusted(tmp_path: Path) -> None:
    settled, clock = False, ManualClock(NOW + YEAR, running=True)
    async with bench(tmp_path, clock, lambda: settled) as quiet_bench:
        made = await quiet_bench.store.silences.make(Silence(0, NOW + HOUR), NOW)
        assert await quiet_bench.silences.load() == []
        assert quiet_bench.silences.cover(LATE)
        clock.at, settled = NOW, True
        assert await quiet_bench.silences.load() == []
        clock.at = NOW + HOUR
        assert [ended.id for ended in await quiet_bench.silences.load()] == [made.id]


async def test_it_does_not_wait_forever_for_a_trusted_clock(tmp_path: Path) -> None:
    clock = ManualClock(NOW, running=True)
    async with bench(tmp_path, clock, lambda: False) as quiet_bench:
        await quiet_bench.store.silences.make(Silence(0, NOW - HOUR), NOW - 2 * HOUR)
        assert await quiet_bench.silences.load() == []
        clock.passed += 120.0
        assert len(await quiet_bench.silences.load()) == 1
