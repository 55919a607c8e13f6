"""One instance of the monitor in a story: its processes, one after the other, and what befalls them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf
from pathlib import Path
from random import Random

from connext_monitor.assembly.outside import LookIntervals
from tests.simulation import settings
from tests.simulation.channels import SimulatedChannels
from tests.simulation.database import DatabaseFiles
from tests.simulation.disk import AlertHistory, Disk
from tests.simulation.endpoints import Endpoints
from tests.simulation.garbage import collect_what_is_dead
from tests.simulation.link import ServerClients
from tests.simulation.log import Log
from tests.simulation.loop import Time
from tests.simulation.process import MonitorProcess, ProcessContext
from tests.simulation.story import DiskFault, Kill, Story
from tests.simulation.trace import Ending, Interval, Life
from tests.simulation.troubles import KillManner
from tests.simulation.world import World

STARTED_AGAIN_AFTER = 10.0
"""Seconds after which a supervisor starts a process again that ended by itself."""
_LONGEST_TURN = 2.0
"""What of a standstill the program's loop counts as its own time, in seconds."""
_ALL = sys.maxsize
_WAITS_FOR = {KillManner.ALERT: "alerts", KillManner.EVENT: "events"}
"""The table that is written when a kill's statements begin to count."""
_COLLECTED_AFTER = 4
"""Lives after which what is left of them in memory is collected: each time, all of the story is looked through."""
_REFUSED = 1
"""The exit code of a process that may not work on the database."""

At = Callable[[float, Callable[[], None]], None]
"""Does something at an instant of the story."""


@dataclass(frozen=True)
class Common:
    """What all instances of a run have in common."""

    story: Story
    looks: LookIntervals
    time: Time
    random: Random
    world: World
    channels: SimulatedChannels
    log: Log
    database: DatabaseFiles | ServerClients
    at: At
    history: AlertHistory = field(default_factory=AlertHistory)
    faults: list[str] = field(default_factory=list)


class Instance:
    """One of a story's monitors; ``label`` stands before all that it logs.

    A process is started while it is wanted: ``until`` then, in seconds since the story's begin.
    """

    def __init__(self, number: int, common: Common, label: str, until: float) -> None:
        self._number = number
        self._common = common
        self._label = label
        self._wanted_until = until
        self._time = common.time
        self._log = common.log
        self._process: MonitorProcess | None = None
        self._lives: list[Life] = []
        self._began = 0.0
        self._die_after: tuple[int, Kill] | None = None
        self._stands_until = -inf
        self._wrong_by = 0.0
        self._full: list[DiskFault] = []
        self._down_for = STARTED_AGAIN_AFTER

    @property
    def next_at(self) -> float:
        """When it has something to do next, by the world's time."""
        process = self._process
        return inf if process is None else max(process.next_at, self._stands_until)

    @property
    def disk(self) -> Disk | None:
        """What it works on; None while it does not run."""
        return None if self._process is None else self._process.disk

    @property
    def lives(self) -> list[Life]:
        """All of its processes."""
        if self._process is None:
            return self._lives
        return [*self._lives, self._life(Ending.NONE)]

    # A life

    def start(self) -> None:
        """Start a process, if none runs, and one is wanted."""
        now = self._time.now
        if self._process is not None or now >= self._wanted_until:
            return
        if self._stands_until > now:
            self._common.at(self._stands_until, self.start)
            return
        common = self._common
        full = lambda: self._full[0].writes if self._full else None  # noqa: E731
        disk = common.database.open(self._number, full, self._committed)
        self._note(f"life {len(self._lives) + 1} begins")
        around = ProcessContext(
            self._time,
            Endpoints(common.world, self._time.read),
            partial(common.channels.open_sender, instance=self._number),
            lambda: self._wrong_by,
            common.looks,
        )
        self._began, self._down_for = now, STARTED_AGAIN_AFTER
        config = settings.config_of(common.story, disk.database, self._number)
        self._process = MonitorProcess(config, disk, around, common.random)

    def run_until(self, limit: float) -> int:
        """Do what is due now, or before ``limit``, unless its host stands still; how many steps that were.

        The world's time goes on with it; it stops where its process ends.
        """
        process = self._process
        if process is None or self._stands_until > self._time.now:
            return 0
        self._log.speaker = self._label
        most = _ALL if self._die_after is None else self._die_after[0]
        made = process.run_until(limit, most)
        if process.loop.faults:
            self._common.faults.extend(f"{self._time.now:.3f} {fault}" for fault in process.loop.faults)
            process.loop.faults.clear()
        if not process.loop.dead:
            self._note_end(process, made)
        return made

    def _note_end(self, process: MonitorProcess, made: int) -> None:
        if self._die_after is not None:
            left, kill = self._die_after
            self._die_after = (left - made, kill)
            if left - made <= 0:
                self._kill(kill)
                return
        if process.ended:
            if "failed" in process.outcome:
                self._common.faults.append(f"{self._time.now:.3f} {process.outcome}")
            self._note(f"life {len(self._lives) + 1} ended: {process.outcome}")
            self._bury(self._down_for, _ending(process))

    def end(self) -> None:
        """The story is over."""
        process = self._process
        if process is None:
            return
        process.die()
        process.disk.close()
        self._process = None
        with self._log.muted():
            del process
            collect_what_is_dead()

    def _committed(self) -> None:
        if self._process is not None and not self._process.loop.dead:
            self._common.history.look(self._process.disk, self._time.now, self._number)

    def _life(self, ending: Ending) -> Life:
        return Life(self._number, Interval(self._began, self._time.now), ending)

    def _note(self, words: str) -> None:
        self._log.speaker = self._label
        self._log.note(words)

    # What befalls it

    def stand_by(self, seconds: float) -> None:
        """Have it run for so long, from now on."""
        self._wanted_until = max(self._wanted_until, self._time.now + seconds)
        self.start()

    def begin_kill(self, kill: Kill) -> None:
        """A kill's time has come: it is over at once, or after so much more."""
        process = self._process
        if process is None:
            return
        if self._stands_until > self._time.now:
            self._common.at(self._stands_until, partial(self.begin_kill, kill))
        elif kill.manner is KillManner.STOP:
            self._down_for = kill.down_for
            process.ask_to_stop()
        elif kill.manner is KillManner.STEP:
            self._die_after = (max(1, kill.count), kill)
        else:
            process.disk.kill_at(max(1, kill.count), partial(self._kill, kill), _WAITS_FOR.get(kill.manner))

    def suspend(self, seconds: float) -> None:
        """Its host stands still from now on; one standstill may begin within another, and end with it or later."""
        now = self._time.now
        ran, until = self._stands_until <= now, max(self._stands_until, now + seconds)
        longer = until - now - _LONGEST_TURN if ran else until - self._stands_until
        self._stands_until = until
        if self._process is not None:
            self._process.loop.stood_still(max(0.0, longer))
            self._common.at(until, lambda: None)

    def step_clock(self, by: float) -> None:
        """Its wall clock jumps by so many seconds."""
        self._wrong_by += by

    def fill_disk(self, fault: DiskFault) -> None:
        """Nothing more of its can be written."""
        self._full.append(fault)

    def free_disk(self, fault: DiskFault) -> None:
        """There is room again."""
        self._full.remove(fault)

    def _kill(self, kill: Kill) -> None:
        """It is gone as it is now; a new process finds what stands in the files."""
        if self._process is not None:
            self._note(f"life {len(self._lives) + 1} is killed ({kill.manner})")
            self._bury(kill.down_for, Ending.KILLED)

    def _bury(self, down_for: float, ending: Ending) -> None:
        process = self._process
        if process is None:
            return
        kept = self._common.database.keep(process.disk)
        self._lives.append(self._life(ending))
        self._die_after = None
        process.die()
        self._process = None
        self._common.at(self._time.now, partial(self._dispose, process, kept))
        self._common.at(self._time.now + down_for, self.start)

    def _dispose(self, process: MonitorProcess, kept: Path | None) -> None:
        self._common.database.leave(process.disk, kept)
        if kept is None or len(self._lives) % _COLLECTED_AFTER:
            return
        with self._log.muted():
            del process
            collect_what_is_dead()


def _ending(process: MonitorProcess) -> Ending:
    """How one ended that was not killed."""
    if process.asked_to_stop:
        return Ending.STOPPED
    return Ending.REFUSED if process.exit_code == _REFUSED and not process.disk.opened else Ending.FAILED
