"""Draws what goes wrong in a story: incidents of one to three troubles that overlap, with quiet between them."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.sayings import Pause
from tests.simulation.story import (
    ChannelFault,
    ClockStep,
    DiskFault,
    EndpointFault,
    Fate,
    Kill,
    Reorg,
    Stall,
    StampError,
    Story,
    Suspension,
)
from tests.simulation.troubles import ChannelTrouble, EndpointTrouble, KillManner

BEGIN = 900.0
"""Seconds at the story's begin in which nothing goes wrong."""
_INCIDENTS_A_DAY, _SHALLOW_A_DAY = 16.0, 12.0
_DAY = 86_400.0
_MARGIN = 900.0
"""Seconds around an endpoint's lie by omission for which another endpoint of the chain is well."""
OMISSIONS = frozenset({EndpointTrouble.LEAVE_OUT, EndpointTrouble.EMPTY})

_KILLED_WITHIN = {
    KillManner.STEP: 2000,
    KillManner.STATEMENT: 200,
    KillManner.STOP: 1,
    KillManner.ALERT: 6,
    KillManner.EVENT: 6,
}
"""Callbacks or statements after the one that a kill waits for."""
_AMOUNTS: dict[EndpointTrouble, tuple[float, ...]] = {
    EndpointTrouble.LAG: (1, 2, 5, 20, 60),
    EndpointTrouble.UNEVEN: (1, 3, 20),
    EndpointTrouble.LEAVE_OUT: (0.1, 0.5, 1.0),
    EndpointTrouble.HIDE_LEGS: (0.3, 1.0),
    EndpointTrouble.FALSE_REMOVED: (0, 1, 8),
    EndpointTrouble.RANGE_LIMIT: (1, 5, 100),
    EndpointTrouble.RATE_LIMIT: (1, 2, 5),
    EndpointTrouble.PRUNE: (64, 128),
    EndpointTrouble.SLOW: (1, 4, 8, 30),
    EndpointTrouble.OTHER_CHAIN: (1, 1, 2, 3),
    EndpointTrouble.MALFORMED_LOGS: (1, 3),
    EndpointTrouble.MALFORMED: (1, 3, 10),
}


def draw_incidents(random: Random, story: Story) -> Story:
    """The story with what goes wrong in it, all of which ends before it is quiet."""
    drawn: list[Any] = []
    at = BEGIN + random.expovariate(_INCIDENTS_A_DAY / _DAY)
    while at < story.quiet_from:
        for _ in range(random.choices((1, 2, 3), (65, 25, 10))[0]):
            make = random.choices(_MAKERS, _WEIGHTS)[0]
            drawn += make(random, story, round(at + random.uniform(0.0, 300.0), 1))
        at += random.expovariate(_INCIDENTS_A_DAY / _DAY)
    for chain in story.chains:
        drawn += _shallow_reorgs(random, story, chain.domain)
    return _with(story, [element for element in drawn if ends_at(element) < story.quiet_from])


def ends_at(element: Any) -> float:
    """When something that goes wrong is over."""
    return float(element.at + getattr(element, "seconds", 0.0) + getattr(element, "down_for", 0.0))


def _with(story: Story, drawn: list[Any]) -> Story:
    def of(kind: type) -> tuple[Any, ...]:
        return tuple(sorted((element for element in drawn if type(element) is kind), key=lambda each: each.at))

    faults = of(EndpointFault)
    return replace(
        story,
        reorgs=of(Reorg),
        stalls=of(Stall),
        pauses=of(Pause),
        stamp_errors=of(StampError),
        endpoint_faults=tuple(fault for fault in faults if _may_be_found_out(story, fault, faults)),
        channel_faults=of(ChannelFault),
        kills=of(Kill),
        suspensions=of(Suspension),
        clock_steps=of(ClockStep),
        disk_faults=of(DiskFault),
    )


def _may_be_found_out(story: Story, fault: EndpointFault, faults: tuple[EndpointFault, ...]) -> bool:
    """Whether, while an endpoint leaves something out, another one of its chain is well: else nobody could tell."""
    if fault.trouble not in OMISSIONS:
        return True
    unwell = {
        other.endpoint
        for other in faults
        if other.domain == fault.domain
        and other.at < fault.at + fault.seconds + _MARGIN
        and fault.at < other.at + other.seconds + _MARGIN
    }
    endpoints = next(chain.endpoints for chain in story.chains if chain.domain == fault.domain)
    return len(unwell) < len(endpoints)


def lasting(random: Random, most: float = 3600.0) -> float:
    """Seconds from half a minute to ``most``, short ones oftener."""
    return float(round(30.0 * (most / 30.0) ** random.random()))


def _shallow_reorgs(random: Random, story: Story, domain: int) -> list[Reorg]:
    reorgs = []
    at = BEGIN + random.expovariate(_SHALLOW_A_DAY / _DAY)
    while at < story.quiet_from:
        fate = random.choices(tuple(Fate), (80, 15, 5))[0]
        depth, delay = random.choice((1, 1, 1, 2)), random.choice((0, 0, 0, 1, 2))
        reorgs.append(Reorg(domain, round(at, 1), depth, fate, delay, rises=random.random() < 0.7))
        at += random.expovariate(_SHALLOW_A_DAY / _DAY)
    return reorgs


def _reorg(random: Random, story: Story, at: float) -> list[Reorg]:
    chain = random.choice(story.chains)
    deep = random.random() < 0.15
    depth = chain.final_depth + random.randrange(1, 10) if deep else random.randrange(1, chain.final_depth + 1)
    fate = random.choice(tuple(Fate))
    return [Reorg(chain.domain, at, depth, fate, random.randrange(4), rises=random.random() < 0.7, deep=deep)]


def _stall(random: Random, story: Story, at: float) -> list[Stall]:
    return [Stall(random.choice(story.chains).domain, at, lasting(random))]


def _pause(random: Random, story: Story, at: float) -> list[Pause]:
    return [Pause(random.choice(story.chains).domain, at, lasting(random, 7200.0))]


def _stamp_error(random: Random, story: Story, at: float) -> list[StampError]:
    by = random.choice((-600.0, -60.0, -12.0, 12.0, 60.0, 600.0))
    return [StampError(random.choice(story.chains).domain, at, lasting(random), by)]


def _endpoint_fault(random: Random, story: Story, at: float) -> list[EndpointFault]:
    chain = random.choice(story.chains)
    trouble = random.choice(tuple(EndpointTrouble))
    amount = random.choice(_AMOUNTS.get(trouble, (1.0,)))
    hit = random.randrange(len(chain.endpoints))
    # What only some of its endpoints hide is found at the others; where all do, only the contract tells.
    all_hit = trouble is EndpointTrouble.HIDE_LEGS or random.random() < 0.1
    seconds = lasting(random)
    return [
        EndpointFault(chain.domain, index, at, seconds, trouble, float(amount))
        for index in range(len(chain.endpoints))
        if all_hit or index == hit
    ]


def _blind_start(random: Random, story: Story, at: float) -> list[EndpointFault | Kill]:
    """The monitor is away for longer than any endpoint of a chain remembers."""
    chain = random.choice(story.chains)
    remembered = 64
    away = float(round(chain.block_time * remembered * random.uniform(0.5, 2.0)))
    return [
        Kill(0, at, away, KillManner.STOP),
        *(
            EndpointFault(chain.domain, index, at, away + 1800.0, EndpointTrouble.PRUNE, remembered)
            for index in range(len(chain.endpoints))
        ),
    ]


def _channel_fault(random: Random, story: Story, at: float) -> list[ChannelFault]:
    trouble = random.choices(tuple(ChannelTrouble), (3, 3, 3, 3, 1, 1))[0]
    amount = 1.5 if trouble is ChannelTrouble.SLOW else float(random.choice((1, 5, 60, 600)))
    return [ChannelFault(random.choice(story.channels).name, at, lasting(random, 7200.0), trouble, amount)]


def kill(random: Random, _story: Story, at: float) -> list[Kill]:
    """The process is killed, or stopped."""
    manner = random.choices(tuple(KillManner), (5, 3, 2, 4, 2))[0]
    count = random.randrange(_KILLED_WITHIN[manner]) + 1
    down_for = float(round(2.0 * (5000.0 / 2.0) ** random.random()))
    kills = [Kill(0, at, down_for, manner, count)]
    if random.random() < 0.3:
        # Once more, while it reads what came meanwhile.
        kills.append(Kill(0, at + down_for + 1.0, 2.0, KillManner.EVENT, random.randrange(1, 7)))
    return kills


def suspension(random: Random, _story: Story, at: float) -> list[Suspension]:
    """The host stands still for up to two hours."""
    return [Suspension(0, at, lasting(random, 7200.0))]


def clock_step(random: Random, _story: Story, at: float) -> list[ClockStep]:
    """The clock is wrong for up to an hour."""
    return [ClockStep(0, at, lasting(random), random.choice((-3600.0, -300.0, -30.0, 30.0, 300.0, 3600.0)))]


def disk_fault(random: Random, _story: Story, at: float) -> list[DiskFault]:
    """The disk is full for up to half an hour."""
    return [DiskFault(0, at, lasting(random, 1800.0), random.choice((0, 0, 1, 2, 4)))]


_MAKERS: tuple[Callable[[Random, Story, float], list[Any]], ...] = (
    _endpoint_fault,
    _reorg,
    _stall,
    _pause,
    _stamp_error,
    _channel_fault,
    kill,
    suspension,
    clock_step,
    disk_fault,
    _blind_start,
)
_WEIGHTS = (40, 8, 6, 5, 4, 14, 10, 5, 4, 4, 2)
