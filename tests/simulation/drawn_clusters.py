"""Draws a server's database into some stories, shared by two instances, of which one or the other is lost at times."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.drawn_troubles import BEGIN, clock_step, ends_at, kill, lasting, suspension
from tests.simulation.sharing import Cluster, Cut, Failover
from tests.simulation.story import ClockStep, Kill, Standby, Story, Suspension

_SHARE = 1 / 6
"""Of all stories."""
_TAKEN_OVER_AFTER = (30.0, 30.0, 60.0, 120.0)
_APART = 5400.0
"""Seconds between two troubles, on average."""
_LONGEST_LOSS, _LONGEST_OUTAGE = 8.0, 40.0
_HANDED_BACK_WITHIN = 300.0
"""Seconds before the quiet end in which nothing is wrong any more."""


def draw_cluster(story: Story) -> Story:
    """The story, in some cases of two instances that share a database; it then has no disk that is full."""
    random = Random(f"{story.seed} of clusters")  # noqa: S311
    last = story.quiet_from - _HANDED_BACK_WITHIN
    if random.random() >= _SHARE or last <= BEGIN:
        return story
    drawn: list[Any] = []
    at = BEGIN + random.expovariate(1 / _APART)
    while at < last:
        make, instance = random.choice(_MAKERS), random.choice((0, 0, 1))
        drawn += make(random, story, round(at, 1), instance)
        at += random.expovariate(1 / _APART)
    troubles = [each for each in drawn if ends_at(each) < last]
    changes: dict[str, Any] = {
        name: _sorted([*getattr(story, name), *_of(troubles, kind)]) for name, kind in _LISTS.items()
    }
    failovers: list[Failover] = []
    for failover in _of(troubles, Failover):
        if not failovers or ends_at(failovers[-1]) < failover.at - failover.lost:
            failovers.append(failover)
    return replace(
        story,
        cluster=Cluster(random.choice(_TAKEN_OVER_AFTER)),
        standbys=_standbys(random, last),
        failovers=tuple(failovers),
        disk_faults=(),
        **changes,
    )


def _standbys(random: Random, last: float) -> tuple[Standby, ...]:
    """The second instance is there from early on, or comes later; and mostly stays until the end is near."""
    begin = random.choice((0.0, 5.0, random.uniform(BEGIN, last)))
    end = last if random.random() < 0.7 else random.uniform(begin, last)
    return (Standby(1, round(begin, 1), round(end - begin, 1)),)


def _kill(random: Random, story: Story, at: float, instance: int) -> list[Kill]:
    return [replace(each, instance=instance) for each in kill(random, story, at)]


def _suspension(random: Random, story: Story, at: float, instance: int) -> list[Suspension]:
    halt = replace(suspension(random, story, at)[0], instance=instance)
    return [halt if random.random() < 0.5 else replace(halt, seconds=float(round(random.uniform(0.5, 240.0), 1)))]


def _clock_step(random: Random, story: Story, at: float, instance: int) -> list[ClockStep]:
    return [replace(each, instance=instance) for each in clock_step(random, story, at)]


def _cut(random: Random, _story: Story, at: float, instance: int) -> list[Cut]:
    seconds = lasting(random, 1800.0) if random.random() < 0.6 else float(round(random.uniform(1.0, 60.0), 1))
    return [Cut(instance, at, seconds, unheard=random.random() < 0.5)]


def _failover(random: Random, _story: Story, at: float, _instance: int) -> list[Failover]:
    unnoticed = random.random() < 0.4
    seconds = 0.0 if unnoticed else float(round(random.uniform(1.0, _LONGEST_OUTAGE), 1))
    return [Failover(at, seconds, round(random.uniform(0.1, _LONGEST_LOSS), 2), unnoticed)]


_MAKERS: tuple[Callable[[Random, Story, float, int], list[Any]], ...] = (
    _kill,
    _kill,
    _suspension,
    _suspension,
    _cut,
    _cut,
    _failover,
    _failover,
    _clock_step,
)
_LISTS = {"kills": Kill, "suspensions": Suspension, "clock_steps": ClockStep, "cuts": Cut}


def _of(troubles: Iterable[Any], kind: type) -> list[Any]:
    return [each for each in troubles if type(each) is kind]


def _sorted(troubles: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(troubles, key=lambda each: each.at))
