"""Plays a story: the monitor's instances in the story's world, and what came of it as a trace."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from math import inf
from pathlib import Path
from random import Random
from typing import TypeVar

from connext_monitor.assembly.outside import LookIntervals
from tests.simulation import settings
from tests.simulation.acts import Act
from tests.simulation.channels import SimulatedChannels
from tests.simulation.database import DatabaseFiles
from tests.simulation.disk import Disk
from tests.simulation.garbage import collect_what_is_dead, undisturbed
from tests.simulation.instance import STARTED_AGAIN_AFTER, Common, Instance
from tests.simulation.intervals import minus, union
from tests.simulation.link import ServerClients
from tests.simulation.log import Log
from tests.simulation.loop import Time
from tests.simulation.people import People
from tests.simulation.records import bridge, chain_records, transfer_records, unreadable, waiting
from tests.simulation.server import SimulatedServer
from tests.simulation.shared_run import shared
from tests.simulation.sharing import Failover
from tests.simulation.story import EPOCH, ClockStep, DiskFault, Kill, Standby, Story, Suspension
from tests.simulation.trace import Ending, Interval, Life, Trace
from tests.simulation.troubles import KillManner
from tests.simulation.world import World

T = TypeVar("T", Kill, Suspension, ClockStep, DiskFault, Standby)

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
        with run.log.muted():
            # What is left of its processes would else be closed in the midst of whatever comes next.
            del simulation
            collect_what_is_dead()
        return run


class Simulation:
    """One story being played."""

    def __init__(self, story: Story, looks: LookIntervals, folder: Path) -> None:
        self._story = story
        self._folder = folder
        self._time = Time()
        self._world = World(story)
        self._log = Log(self._time.read, folder)
        self._order = count()
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._steps = 0
        self._server = None if story.cluster is None else SimulatedServer(self._time, story.cuts)
        self._people = People(self._time.read)
        random = Random(f"{story.seed} of the run")  # noqa: S311 - no secret
        self._common = Common(
            story=story,
            looks=replace(looks, silences=settings.NOTICED) if story.acts else looks,
            time=self._time,
            random=random,
            world=self._world,
            channels=SimulatedChannels(story.channels, story.channel_faults, self._time.read, random),
            log=self._log,
            database=DatabaseFiles(folder, one_instance=not story.standbys)
            if self._server is None
            else ServerClients(self._server),
            at=self._at,
        )
        numbers = range(1 + max((standby.instance for standby in story.standbys), default=0))
        self._instances = [
            Instance(number, self._common, f"[{number}] " if len(numbers) > 1 else "", -inf if number else inf)
            for number in numbers
        ]
        self._schedule()

    def run(self) -> Run:
        """Play it."""
        self._instances[0].start()
        with self._log.capturing(), _temporary(self._folder):
            while (at := self._next(self._instances)) < self._story.seconds:
                self._time.now = max(at, self._time.now)
                while self._todo and self._todo[0][0] <= self._time.now:
                    heappop(self._todo)[2]()
                for instance in self._instances:
                    others = [other for other in self._instances if other is not instance]
                    self._steps += instance.run_until(min(self._next(others), self._story.seconds))
            self._time.now = self._story.seconds
            self._world.advance(self._time.now)
            trace = self._trace()
            for instance in self._instances:
                instance.end()
        return Run(self._story, trace, self._world, self._log, self._steps, tuple(self._common.faults))

    def _next(self, instances: Iterable[Instance]) -> float:
        """When one of these has something to do next, or something befalls any."""
        at = self._todo[0][0] if self._todo else inf
        return min([at, *(instance.next_at for instance in instances)])

    def _at(self, at: float, do: Callable[[], None]) -> None:
        heappush(self._todo, (at, next(self._order), do))

    def _schedule(self) -> None:
        story = self._story
        for kill, instance in self._befalling(story.kills):
            self._at(kill.at, partial(instance.begin_kill, kill))
        for suspension, instance in self._befalling(story.suspensions):
            self._at(suspension.at, partial(instance.suspend, suspension.seconds))
        for step, instance in self._befalling(story.clock_steps):
            self._at(step.at, partial(instance.step_clock, step.by))
            self._at(step.at + step.seconds, partial(instance.step_clock, -step.by))
        for fault, instance in self._befalling(story.disk_faults):
            self._at(fault.at, partial(instance.fill_disk, fault))
            self._at(fault.at + fault.seconds, partial(instance.free_disk, fault))
        for act in story.acts:
            self._at(act.at, partial(self._act, act))
        for standby, instance in self._befalling(story.standbys):
            end = standby.at + standby.seconds
            self._at(standby.at, partial(instance.stand_by, standby.seconds))
            stop = Kill(standby.instance, end, STARTED_AGAIN_AFTER, KillManner.STOP)
            self._at(end, partial(instance.begin_kill, stop))

        if self._server is not None:
            self._schedule_failovers(self._server)

    def _schedule_failovers(self, server: SimulatedServer) -> None:
        for failover in self._story.failovers:
            self._at(failover.at - failover.lost, server.copy)
            self._at(failover.at, partial(self._fail_over, server, failover))
            self._at(failover.at + failover.seconds, server.rise)

    def _fail_over(self, server: SimulatedServer, failover: Failover) -> None:
        since = server.fail(failover)
        self._common.history.rewind(since)
        self._people.rewind(since)

    def _act(self, act: Act) -> None:
        number = self._people.act(self._working_disk(), act)
        if number is not None and act.ended_after is not None:
            self._at(act.at + act.ended_after, lambda: self._people.end(self._working_disk(), number))

    def _befalling(self, elements: Iterable[T]) -> Iterator[tuple[T, Instance]]:
        """What befalls instances that the story has, each with its instance."""
        return ((each, self._instances[each.instance]) for each in elements if each.instance < len(self._instances))

    # The end

    def _trace(self) -> Trace:
        story = self._story
        trace = Trace(
            seconds=story.seconds,
            epoch=EPOCH,
            lives=(lives := tuple(life for instance in self._instances for life in instance.lives)),
            suspended=tuple(_hitting(story.suspensions, lives)),
            disk_failing=tuple(_hitting(story.disk_faults, lives)),
            alerts=tuple(self._common.history.changes),
            messages=self._common.channels.messages,
            acts=self._people.acted,
        )
        if self._server is not None and story.cluster is not None:
            trace = shared(trace, story, story.cluster, self._server, self._common.history)
        disk = self._working_disk()
        if disk is None:
            return trace
        return replace(
            trace,
            transfers=tuple(transfer_records(disk)),
            chains=tuple(chain_records(disk)),
            waiting=tuple(waiting(disk)),
            bridge=tuple(bridge(disk)),
            unreadable=tuple(unreadable(disk)),
        )

    def _working_disk(self) -> Disk | None:
        """That of whoever works on the database; None while nobody does."""
        disks = (instance.disk for instance in self._instances)
        return next((disk for disk in disks if disk is not None and disk.opened), None)


@contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    """What a process keeps in the folder for temporary files is this run's alone."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _hitting(troubles: Iterable[Suspension | DiskFault], lives: Iterable[Life]) -> Iterator[Interval]:
    """When they troubled whoever worked on the database: not while another instance did."""
    for trouble in troubles:
        others = [life for life in lives if life.instance != trouble.instance and life.ending is not Ending.REFUSED]
        during = Interval(trouble.at, trouble.at + trouble.seconds)
        yield from minus((during,), union(life.during for life in others))
