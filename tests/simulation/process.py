"""One process of the monitor in a simulated run: the real composition root on a loop, a clock and a disk of its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import CORO_CREATED, getcoroutinestate
from random import Random

from connext_monitor import app
from connext_monitor.alerting.http.client import OpenSender
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.assembly.outside import LookIntervals, Outside
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.process.stop_request import StopRequest
from tests.simulation.disk import Disk
from tests.simulation.endpoints import Endpoints
from tests.simulation.loop import ProcessLoop, Time
from tests.simulation.story import EPOCH

_NO_CONNECTIONS = 0


class HostClock:
    """A host's clocks: one that people set, one that only the process' loop moves, and one that counts all seconds."""

    def __init__(self, time: Time, loop: ProcessLoop, wrong_by: Callable[[], float]) -> None:
        self._time = time
        self._wrong_by = wrong_by
        self.monotonic: Callable[[], float] = loop.time
        self._read_at, self._read = 0.0, datetime.fromtimestamp(0.0, UTC)

    def now(self) -> datetime:
        at = EPOCH + self._time.now + self._wrong_by()
        if at != self._read_at:
            self._read_at, self._read = at, datetime.fromtimestamp(at, UTC)
        return self._read

    def elapsed(self) -> float:
        return self._time.now + EPOCH


class StopByStory(StopRequest):
    """A request to stop that no signal makes."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = asyncio.Event()

    def make(self, code: int) -> None:
        if not self.made:
            self.made, self.code = True, code
            self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What a process finds around it."""

    time: Time
    endpoints: Endpoints
    open_sender: OpenSender
    wrong_by: Callable[[], float]
    looks: LookIntervals


class MonitorProcess:
    """Runs from its making until it has ended, or is killed; ``run_until`` makes its calls."""

    def __init__(self, config: Config, disk: Disk, around: ProcessContext, random: Random) -> None:
        self.disk = disk
        self.loop = ProcessLoop(around.time, random)
        self._endpoints = around.endpoints
        with self.loop.running():
            self._stop = StopByStory()
            clock = AgreedClock(HostClock(around.time, self.loop, around.wrong_by))
            providers = build_providers(
                config.alert_providers,
                file=config.file,
                labels=chain_labels(config),
                clock=clock,
                open_sender=around.open_sender,
            )
            outside = Outside(
                open_endpoint=around.endpoints.open_endpoint,
                executor=disk.executor,
                server=disk.server,
                random=random,
                built=_nothing,
                draw=_no_picture,
                looks=around.looks,
            )
            self._run = app.run(config, providers, clock, self._stop, _NO_CONNECTIONS, outside)
            self._running = self.loop.create_task(self._run, name="monitor")
            self._running.add_done_callback(self.loop.halt)

    @property
    def next_at(self) -> float:
        """When it has something to do next."""
        return self.loop.next_at

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself, or as it was asked to."""
        return self._running.done() and not self.loop.dead

    @property
    def asked_to_stop(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.made

    @property
    def exit_code(self) -> int | None:
        """That of a process that has ended; None where it failed."""
        return None if self._running.exception() is not None else self._running.result()

    @property
    def outcome(self) -> str:
        """How it ended."""
        error = self._running.exception()
        return f"exit code {self._running.result()}" if error is None else f"failed: {error!r}"

    def run_until(self, limit: float, most: int) -> int:
        """Make the calls that are due now, or before ``limit`` (the world's time); how many were made."""
        return self.loop.run_until(limit, most)

    def ask_to_stop(self) -> None:
        """As SIGTERM does."""
        self.disk.asked_to_stop = True
        with self.loop.running():
            self._stop.make(0)

    def die(self) -> None:
        """Nothing of it runs any more, and what it holds is let go of, though nobody of it learns."""
        self.loop.die()
        if getcoroutinestate(self._run) == CORO_CREATED:
            self._run.close()  # else it is complained of that nobody awaited it
        self._endpoints.kill()
        self.disk.die()


async def _no_picture(_report: object, _labels: object) -> None:
    """A picture is drawn in a process of its own, of which there is none here."""


def _nothing() -> None:
    """Nobody collects garbage in the midst of a story."""
