"""The monitor's process through its lives: started, killed, stopped, suspended, started again."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.e2e.monitor import Monitor
from tests.soak.plan import ProcessTrouble

COLD = partial(Monitor, cold=True)
"""What a process forked off another one holds in memory is not its own."""

STOPS_WITHIN = 5.0
"""Seconds that the monitor promises."""


@dataclass(slots=True)
class Life:
    """One process: when it was ``started`` and ``ended`` (Unix seconds), and ``by`` what."""

    number: int
    started: float
    ended: float | None = None
    by: str = ""


class Lives:
    """Runs one monitor after the other on one database; each one's log goes into ``folder``.

    ``suspended`` is whether it is now, and ``resumed`` when it last went on (Unix seconds). ``mishaps`` are what no
    monitor may do: end by itself, or not as it was asked to.
    """

    def __init__(
        self,
        config: Path,
        folder: Path,
        say: Callable[[str], None],
        make: Callable[[Path], Monitor] = COLD,
        stops_within: float = STOPS_WITHIN + 1,
    ) -> None:
        self.all: list[Life] = []
        self.mishaps: list[str] = []
        self.suspended = False
        self.resumed = 0.0
        self._config = config
        self._folder = folder
        self._say = say
        self._make = make
        self._stops_within = stops_within
        self._monitor: Monitor | None = None
        self._ends = asyncio.Lock()

    @property
    def current(self) -> Life | None:
        """The life that goes on; None while the process is down."""
        return self.all[-1] if self._monitor is not None else None

    @property
    def pid(self) -> int | None:
        """The process that runs."""
        return self._monitor.pid if self._monitor is not None else None

    async def start(self) -> None:
        """Begin a life."""
        monitor = self._make(self._config)
        await monitor.__aenter__()
        self.all.append(Life(len(self.all) + 1, time.time()))
        self._monitor = monitor

    async def suffer(self, trouble: ProcessTrouble) -> None:
        """Kill, stop or suspend it."""
        match trouble:
            case ProcessTrouble.SUSPENDED:
                if self._monitor is not None:
                    self.suspended = True
                    await self._monitor.stop()
            case ProcessTrouble.KILLED:
                await self.kill()
            case ProcessTrouble.STOPPED:
                await self.stop()

    async def recover(self, trouble: ProcessTrouble) -> None:
        """Start it again, or let it go on."""
        if trouble is not ProcessTrouble.SUSPENDED:
            await self.start()
        elif self._monitor is not None:
            self._monitor.go_on()
            self.suspended, self.resumed = False, time.time()

    async def stop(self) -> None:
        """Ask it to stop, and see that it does, in time and with exit code 0, unless it was still being loaded."""
        loads = self._monitor is not None and not self._monitor.events("web.listening")
        began = time.monotonic()
        code = await self._end("SIGTERM")
        took = time.monotonic() - began
        if not (code == 0 or (loads and code == -signal.SIGTERM)) or took > self._stops_within:
            self._mishap(f"life {len(self.all)} was asked to stop, and ended after {took:.1f} s with exit code {code}")

    async def kill(self) -> None:
        """End it at once; nothing happens where none runs."""
        await self._end("kill -9")

    async def watch(self) -> None:
        """Until cancelled, start a process again that has ended by itself."""
        while True:
            await asyncio.sleep(0.5)
            async with self._ends:
                if self._monitor is not None and (code := self._monitor.exit_code) is not None:
                    self._mishap(f"life {len(self.all)} ended by itself, with exit code {code}")
                    await self._bury("itself")
                    await self.start()

    async def _end(self, by: str) -> int:
        async with self._ends:
            if self._monitor is None:
                return 0
            if by == "SIGTERM":
                self._monitor.terminate()
            else:
                self._monitor.kill()
            return await self._bury(by)

    async def _bury(self, by: str) -> int:
        monitor = self._monitor
        assert monitor is not None
        code = await monitor.ended()
        self.all[-1].ended, self.all[-1].by = time.time(), by
        self._keep_log(monitor)
        self._monitor = None
        await monitor.__aexit__()
        return code

    def _keep_log(self, monitor: Monitor) -> None:
        number = len(self.all)
        (self._folder / f"life-{number}.log").write_text(monitor.said + "\n", encoding="utf-8")
        if "Traceback (most recent call last)" in monitor.said:
            self._mishap(f"life {number} logged a traceback")

    def _mishap(self, what: str) -> None:
        self._say(what)
        self.mishaps.append(what)
