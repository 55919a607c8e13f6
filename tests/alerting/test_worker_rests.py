"""How long a worker sleeps: until it is woken, and in naps only where something waits for a time of day."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from connext_monitor.alerting.alert_queue import AlertQueue
from connext_monitor.alerting.channel_health import ChannelHealth
from connext_monitor.alerting.notice import AlertNotice, Provider
from connext_monitor.alerting.outgoing_message import Idle, OutgoingAlert
from connext_monitor.alerting.worker import Worker
from connext_monitor.core.delivery import Outcome, TryLater
from connext_monitor.core.holds import Held
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from tests.alerting.outages import Channel
from tests.alerting.queued_alerts import HealthNotes
from tests.world.alerts import LABELS
from tests.world.databases import open_store
from tests.world.kinds import deep_reorg
from tests.world.virtual_time import LoopClock, run_virtually
from tests.world.waiting import running

HOUR = 3600.0


class Watched(AlertQueue):
    """A channel's own queue; ``looks`` are the loop's times at which it was read."""

    def __init__(self, store: Store, provider: Provider, clock: LoopClock) -> None:
        super().__init__(store.outbox, provider, LABELS, clock)
        self.looks: list[float] = []

    async def next(self, held: Held) -> OutgoingAlert | Idle:
        self.looks.append(asyncio.get_running_loop().time())
        return await super().next(held)


class BusyAtFirst(Channel):
    """Asks for its first message again in so many seconds."""

    def __init__(self, name: str, asks_again_in: float | None) -> None:
        super().__init__(name)
        self._asks_again_in = asks_again_in

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        if not self.tries:
            self.tries += 1
            return TryLater("is busy", after=self._asks_again_in)
        return await super().send(notice, reference)


class Jumping(LoopClock):
    """A clock whose time of day may be set; ``reads`` counts how often it is read."""

    by = 0.0
    reads = 0

    def now(self) -> datetime:
        self.reads += 1
        return super().now() + timedelta(seconds=self.by)


async def looks_of_an_hour(folder: Path, clock: Jumping, due_in: float | None = None, jump: float = 0.0) -> list[float]:
    """When the queue is read; something is due in so many seconds, and after 10.5 the time of day is set ahead."""
    store = await open_store(folder / "monitor.db", {}, Inline)
    if due_in is not None:
        await store.alerts.open(deep_reorg("alpha", clock.now(), block=1, checkpoint=0), ["ops"])
    provider = BusyAtFirst("ops", due_in)
    queue, health = Watched(store, provider, clock), ChannelHealth("ops", store.outbox, HealthNotes())
    async with running(Worker(provider, [queue], health, clock, lambda: 0.0).run()):
        await asyncio.sleep(10.5)
        clock.by = jump
        await asyncio.sleep(HOUR)
    await store.close()
    assert len(provider.taken) == (due_in is not None)
    return queue.looks


def test_with_nothing_to_send_it_sleeps_between_two_looks(tmp_path: Path) -> None:
    clock = Jumping()
    looks = run_virtually(looks_of_an_hour(tmp_path, clock))
    assert len(looks) == 61
    assert clock.reads < 10 * len(looks)


def test_what_waits_for_an_instant_is_looked_at_after_a_jump(tmp_path: Path) -> None:
    # Set ahead by 25 s at 10.5 s: what was due at 30 s is so at the next nap.
    first, again, second, *later = run_virtually(looks_of_an_hour(tmp_path, Jumping(), due_in=30.0, jump=25.0))
    assert (first, again) == (0.0, 0.0)
    assert 10.5 < second <= 11.5
    assert second <= later[0]
