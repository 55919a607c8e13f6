"""Plays a story: the monitor's processes one after the other in the story's world, and what came of it as a trace."""

import gc
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from math import inf
from pathlib import Path
from random import Random

from connext_monitor.assembly.outside import LookIntervals
from tests.simulation import settings
from tests.simulation.channels import SimulatedChannels
from tests.simulation.disk import AlertHistory, Disk
from tests.simulation.endpoints import Endpoints
from tests.simulation.garbage import ignoring_unraisable, undisturbed
from tests.simulation.log import Log
from tests.simulation.loop import Time
from tests.simulation.process import MonitorProcess, Surroundings
from tests.simulation.records import chain_records, transfer_records, waiting
from tests.simulation.story import EPOCH, DiskFault, Kill, Story
from tests.simulation.trace import Interval, Trace
from tests.simulation.troubles import KillManner
from tests.simulation.world import World

STARTED_AGAIN_AFTER = 10.0
"""Seconds after which a supervisor starts a process again that ended by itself."""
_LONGEST_TURN = 2.0
"""What of a standstill the program's loop counts as its own time, in seconds."""
_ALL = sys.maxsize
_WAITS_FOR = {KillManner.ALERT: "alerts", KillManner.EVENT: "events"}
"""The table that is written when a kill's statements begin to count."""
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of our own are made in it


@dataclass(frozen=True)
class Run:
    """What came of a story. ``faults`` are what no monitor may do: fail, or leave an error to nobody."""

    story: Story
    trace: Trace
    world: World
    log: Log
    steps: int
    faults: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Says whether another run was the same, to the byte."""
        return sha256(f"{self.log.digest} {self.trace}".encode()).hexdigest()


def play(story: Story, looks: LookIntervals = settings.LOOKS) -> Run:
    """Play a story to its end; its files, which are deleted then, are in memory where the system offers that."""
    in_memory = _IN_MEMORY if _IN_MEMORY.exists() else None
    with tempfile.TemporaryDirectory(dir=in_memory, prefix="simulation-") as own, undisturbed():
        simulation = Simulation(story, looks, Path(own))
        run = simulation.run()
        with run.log.muted(), ignoring_unraisable():
            # What is left of its processes would else be closed in the midst of whatever comes next.
            del simulation
            gc.collect()
        return run


class Simulation:
    """One story being played."""

    def __init__(self, story: Story, looks: LookIntervals, folder: Path) -> None:
        self._story = story
        self._folder = folder
        self._time = Time()
        self._random = Random(f"{story.seed} of the run")  # noqa: S311 - no secret
        self._world = World(story)
        self._channels = SimulatedChannels(story.channels, story.channel_faults, self._now, self._random)
        self._log = Log(self._now, folder)
        self._looks = looks
        self._history = AlertHistory()
        self._order = count()
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._process: MonitorProcess | None = None
        self._lives = 0
        self._steps = 0
        self._die_after: tuple[int, Kill] | None = None
        self._stands_until = -inf
        self._wrong_by = 0.0
        self._full: list[DiskFault] = []
        self._down_for = STARTED_AGAIN_AFTER
        self._began = 0.0
        self._up: list[Interval] = []
        self._stopped: list[float] = []
        self._faults: list[str] = []
        self._schedule()

    def run(self) -> Run:
        """Play it."""
        self._start()
        with self._log.capturing():
            while (at := self._next()) < self._story.seconds:
                self._time.now = max(at, self._time.now)
                while self._todo and self._todo[0][0] <= self._time.now:
                    heappop(self._todo)[2]()
                if self._process is not None and self._stands_until <= self._time.now:
                    self._let_run(self._process)
            self._time.now = self._story.seconds
            self._world.advance(self._time.now)
            trace = self._trace()
            self._end_life()
        return Run(self._story, trace, self._world, self._log, self._steps, tuple(self._faults))

    def _now(self) -> float:
        return self._time.now

    def _next(self) -> float:
        of_story = self._todo[0][0] if self._todo else inf
        process = self._process
        return of_story if process is None else min(of_story, max(process.next_at, self._stands_until))

    def _at(self, at: float, do: Callable[[], None]) -> None:
        heappush(self._todo, (at, next(self._order), do))

    def _schedule(self) -> None:
        story = self._story
        for kill in story.kills:
            self._at(kill.at, partial(self._begin_kill, kill))
        for suspension in story.suspensions:
            self._at(suspension.at, partial(self._suspend, suspension.seconds))
        for step in story.clock_steps:
            self._at(step.at, partial(self._step_clock, step.by))
            self._at(step.at + step.seconds, partial(self._step_clock, -step.by))
        for fault in story.disk_faults:
            self._at(fault.at, partial(self._full.append, fault))
            self._at(fault.at + fault.seconds, partial(self._full.remove, fault))

    # A life

    def _start(self) -> None:
        if self._stands_until > self._time.now:
            self._at(self._stands_until, self._start)
            return
        before, folder = self._folder / f"life-{self._lives}", self._folder / f"life-{self._lives + 1}"
        folder.mkdir()
        if before.exists():
            for file in before.iterdir():
                file.rename(folder / file.name)
        else:
            settings.first_database(folder)
        self._lives += 1
        self._log.note(f"life {self._lives} begins")
        disk = Disk(folder, lambda: self._full[0].writes if self._full else None, self._committed)
        around = Surroundings(
            self._time, Endpoints(self._world, self._now), self._channels, lambda: self._wrong_by, self._looks
        )
        self._began, self._down_for = self._time.now, STARTED_AGAIN_AFTER
        self._process = MonitorProcess(settings.config_of(self._story, disk.file), disk, around, self._random)

    def _let_run(self, process: MonitorProcess) -> None:
        most = _ALL if self._die_after is None else self._die_after[0]
        made = process.run_due(most)
        self._steps += made
        if process.loop.faults:
            self._faults += [f"{self._time.now:.3f} {fault}" for fault in process.loop.faults]
            process.loop.faults.clear()
        if process.loop.dead:
            return
        if self._die_after is not None:
            left, kill = self._die_after
            self._die_after = (left - made, kill)
            if left - made <= 0:
                self._kill(kill)
                return
        if process.ended:
            if "failed" in process.outcome:
                self._faults.append(f"{self._time.now:.3f} {process.outcome}")
            self._log.note(f"life {self._lives} ended: {process.outcome}")
            if process.asked_to_stop:
                self._stopped.append(self._time.now)
            self._bury(self._down_for)

    def _committed(self) -> None:
        if self._process is not None and not self._process.loop.dead:
            self._history.look(self._process.disk, self._time.now)

    # What befalls it

    def _begin_kill(self, kill: Kill) -> None:
        process = self._process
        if process is None:
            return
        if self._stands_until > self._time.now:
            self._at(self._stands_until, partial(self._begin_kill, kill))
        elif kill.manner is KillManner.STOP:
            self._down_for = kill.down_for
            process.ask_to_stop()
        elif kill.manner is KillManner.STEP:
            self._die_after = (max(1, kill.count), kill)
        else:
            process.disk.kill_at(max(1, kill.count), partial(self._kill, kill), _WAITS_FOR.get(kill.manner))

    def _kill(self, kill: Kill) -> None:
        """It is gone as it is now; a new process finds what stands in the files."""
        if self._process is not None:
            self._log.note(f"life {self._lives} is killed ({kill.manner})")
            self._bury(kill.down_for)

    def _bury(self, down_for: float) -> None:
        process = self._process
        if process is None:
            return
        kept = self._folder / "kept"
        kept.mkdir()
        process.disk.copy_to(kept)
        self._up.append(Interval(self._began, self._time.now))
        self._die_after = None
        process.die()
        self._process = None
        self._at(self._time.now, partial(self._dispose, process, kept))
        self._at(self._time.now + down_for, self._start)

    def _dispose(self, process: MonitorProcess, kept: Path) -> None:
        """Once nothing of it is on the stack any more: its files are let go of, and those that were kept are there."""
        process.disk.close()
        folder = process.disk.file.parent
        shutil.rmtree(folder)
        kept.rename(folder)
        with self._log.muted(), ignoring_unraisable():
            del process
            gc.collect()

    def _end_life(self) -> None:
        process = self._process
        if process is None:
            return
        process.die()
        process.disk.close()
        self._process = None
        with self._log.muted(), ignoring_unraisable():
            del process
            gc.collect()

    def _suspend(self, seconds: float) -> None:
        self._stands_until = max(self._stands_until, self._time.now + seconds)
        if self._process is not None:
            self._process.loop.stood_still(max(0.0, seconds - _LONGEST_TURN))
            self._at(self._stands_until, lambda: None)

    def _step_clock(self, by: float) -> None:
        self._wrong_by += by

    # The end

    def _trace(self) -> Trace:
        story = self._story
        process = self._process
        if process is not None:
            self._up.append(Interval(self._began, self._time.now))
        trace = Trace(
            seconds=story.seconds,
            epoch=EPOCH,
            up=tuple(self._up),
            stopped=tuple(self._stopped),
            suspended=tuple(Interval(pause.at, pause.at + pause.seconds) for pause in story.suspensions),
            disk_failing=tuple(Interval(fault.at, fault.at + fault.seconds) for fault in story.disk_faults),
            alerts=tuple(self._history.changes),
            messages=self._channels.messages,
        )
        if process is None:
            return trace
        return replace(
            trace,
            transfers=tuple(transfer_records(process.disk)),
            chains=tuple(chain_records(process.disk)),
            waiting=tuple(waiting(process.disk)),
        )
