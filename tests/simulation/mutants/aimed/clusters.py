"""Aimed at two instances that share a database on a server: at who owns the work, and what a server loses."""

from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import HERE, HOOK, POLLED, THERE, back, call, calls, chain, story
from tests.simulation.sharing import Cluster, Failover
from tests.simulation.story import ChannelFault, ClockStep, Standby, Suspension
from tests.simulation.troubles import ChannelTrouble

_LATE = [(450.0, 700.0), (520.0, 800.0), (None, None)]
_SHARED = story(
    3900.0,
    [*calls(60.0, 2900.0, 20.0, *_LATE), *map(back, calls(70.0, 2900.0, 50.0))],
    cluster=Cluster(30.0),
    standbys=(Standby(1, 0.0, 3100.0),),
)

HALTED = replace(
    _SHARED,
    suspensions=tuple(Suspension(number % 2, 500.0 + 67.0 * number, 41.0) for number in range(36)),
    channel_faults=tuple(
        ChannelFault("webhook", 500.0 + 67.0 * number, 40.0 + number % 3, ChannelTrouble.FAIL) for number in range(36)
    ),
)
"""The owner stands still for longer than another instance waits, again and again, while messages wait to be sent."""

CLOCKS_SET = replace(
    _SHARED,
    suspensions=tuple(Suspension(0, 600.0 + 90.0 * number, 16.0) for number in range(20)),
    clock_steps=tuple(ClockStep(1, 608.0 + 90.0 * number, 45.0, 3600.0) for number in range(20)),
)
"""The owner stands still for less than another one waits; meanwhile the clock of that is set forward by an hour."""

_ROUNDS = tuple(number * 420.0 for number in range(8))
HELD_BACK = story(
    4500.0,
    [call(60.0 + begin, None, None) for begin in _ROUNDS],
    chains=(chain(HERE, POLLED), chain(THERE, POLLED)),
    channels=(HOOK,),
    cluster=Cluster(120.0),
    standbys=(Standby(1, 0.0, 3700.0),),
    suspensions=tuple(Suspension(number % 2, 430.0 + begin, 170.0) for number, begin in enumerate(_ROUNDS)),
    channel_faults=tuple(
        fault
        for begin in _ROUNDS
        for fault in (
            ChannelFault("webhook", 390.0 + begin, 35.0, ChannelTrouble.LIMIT, 33.0),
            ChannelFault("webhook", 425.0 + begin, 130.0, ChannelTrouble.LIMIT, 61.2),
        )
    ),
)
"""A message may be sent again as soon as an owner goes on that stood still while another one took over."""

COMMITS_LOST = replace(
    _SHARED,
    failovers=tuple(Failover(430.0 + 91.0 * number, 0.0, 8.0, unnoticed=True) for number in range(28)),
)
"""The server loses what it has committed lately, and keeps the connections."""

AIMS = (
    Aim("halted owners", HALTED, ("turn-not-checked",)),
    Aim("clocks set", CLOCKS_SET, ("beats-by-the-wall-clock", "takes-over-too-soon")),
    Aim("held back", HELD_BACK, ("sends-without-the-lease", "lease-kept-while-standing-still")),
    Aim("commits lost", COMMITS_LOST, ("writes-not-counted",)),
)
