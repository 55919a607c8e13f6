"""Draws a second instance into some stories: it waits for the database, and mostly gets it when the first is killed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.drawn_troubles import BEGIN, clock_step, disk_fault, ends_at, kill, lasting, suspension
from tests.simulation.story import ClockStep, DiskFault, Kill, Standby, Story, Suspension

_SHARE = 1 / 6
"""Of all stories."""
_COMES_BEFORE, _LONGEST = 600.0, 14_400.0
"""Seconds before the first instance is killed, and after that, for which the other one is there at most."""
_HANDED_BACK_WITHIN = 60.0
"""Seconds from its end until the first instance has the database again."""


def draw_standby(story: Story) -> Story:
    """The story, in some cases with another instance; what it holds already stays, whether or not there is one."""
    random = Random(f"{story.seed} of standbys")  # noqa: S311
    last = story.quiet_from - _HANDED_BACK_WITHIN
    if random.random() >= _SHARE or last <= BEGIN:
        return story
    killed_at = random.uniform(BEGIN, last)
    begin = max(BEGIN, killed_at - random.uniform(0.0, _COMES_BEFORE))
    end = min(killed_at + lasting(random, _LONGEST), last)
    troubles = list(_troubles(random, story, killed_at, end))
    changes: dict[str, Any] = {
        name: _sorted([*getattr(story, name), *(each for each in troubles if type(each) is kind)])
        for name, kind in _LISTS.items()
    }
    return replace(story, standbys=(Standby(1, begin, end - begin),), **changes)


_Trouble = Kill | Suspension | ClockStep | DiskFault
_LISTS = {"kills": Kill, "suspensions": Suspension, "clock_steps": ClockStep, "disk_faults": DiskFault}


def _troubles(random: Random, story: Story, killed_at: float, end: float) -> Iterator[_Trouble]:
    """What gives it the database, mostly, and what befalls it then."""
    drawn: list[_Trouble] = [*kill(random, story, killed_at)] if random.random() < 0.8 else []
    for make in (kill, suspension, clock_step, disk_fault):
        if random.random() < 0.3:
            at = round(random.uniform(killed_at, end), 1)
            drawn += [replace(each, instance=1) for each in make(random, story, at)]
    return (each for each in drawn if ends_at(each) < end)


def _sorted(troubles: Iterable[_Trouble]) -> tuple[_Trouble, ...]:
    return tuple(sorted(troubles, key=lambda each: each.at))
