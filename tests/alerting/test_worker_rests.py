"""How long a worker sleeps: until it is woken, and in naps only where something waits for a time of day."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from connext_monitor.alerting.channel_health import ChannelHealth
from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.outgoing_message import Idle
from connext_monitor.alerting.worker import Worker
from connext_monitor.core.delivery import Outcome
from connext_monitor.core.holds import Held
from tests.world.virtual_time import LoopClock, run_virtually

HOUR = 3600.0


@dataclass
class Named:
    name: str = "ops"


@dataclass
class Waiting:
    """A queue with something due at ``until``, once; ``looks`` are the loop's times at which it was read."""

    until: float | None
    clock: LoopClock
    looks: list[float] = field(default_factory=list)
    pause: float = 0.0

    async def next(self, held: Held) -> Idle:
        del held
        self.looks.append(asyncio.get_running_loop().time())
        if self.until is not None and self.until <= self.clock.now().timestamp():
            self.until = None
        return Idle(self.until)

    async def has_news(self, held: Held) -> bool:
        del held
        return False

    def settled(self, outcome: Outcome) -> None:
        """Nothing is sent."""


class Jumping(LoopClock):
    """A clock whose time of day may be set; ``reads`` counts how often it is read."""

    by = 0.0
    reads = 0

    def now(self) -> datetime:
        self.reads += 1
        return super().now() + timedelta(seconds=self.by)


def worker(queue: Waiting, clock: Jumping) -> Worker:
    return Worker(cast("Provider", Named()), [queue], cast("ChannelHealth", None), clock, lambda: 0.0)


async def for_an_hour(queue: Waiting, clock: Jumping, **later: Any) -> None:
    running = asyncio.create_task(worker(queue, clock).run())
    await asyncio.sleep(10.5)
    for name, value in later.items():
        setattr(clock, name, value)
    await asyncio.sleep(HOUR)
    running.cancel()


def test_with_nothing_to_send_it_sleeps_between_two_looks() -> None:
    clock = Jumping()
    queue = Waiting(None, clock)
    run_virtually(for_an_hour(queue, clock))
    assert len(queue.looks) == 61
    assert clock.reads < 10 * len(queue.looks)


def test_what_waits_for_an_instant_is_looked_at_after_a_jump() -> None:
    async def waits() -> list[float]:
        clock = Jumping()
        queue = Waiting(clock.now().timestamp() + 30.0, clock)
        await for_an_hour(queue, clock, by=25.0)
        return queue.looks

    # Set ahead by 25 s at 10.5 s: what was due at 30 s is so at the next nap.
    first, second, *later = run_virtually(waits())
    assert 10.5 < second <= 11.5
    assert first < second < later[0]
