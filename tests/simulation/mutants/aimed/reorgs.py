"""Aimed at reorgs: of the whole depth, of what alerts are about, and below finality."""

from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import (
    CLAMPING,
    HERE,
    POLLED,
    PUSHING,
    REST,
    THERE,
    back,
    call,
    calls,
    chain,
    reorg,
    story,
    trouble,
)
from tests.simulation.story import Deadlines, DiskFault, Fate
from tests.simulation.troubles import EndpointTrouble

_BUSY = [*calls(60.0, 2200.0, 35.0, (40.0, 200.0)), *map(back, calls(70.0, 2200.0, 45.0, (40.0, 200.0)))]
_PATIENT = Deadlines(execute=3600.0, reconcile=7200.0, unobserved_after=300.0)
_AT = tuple(400.0 + 95.0 * number for number in range(19))

WHOLE_DEPTH = story(
    3300.0,
    _BUSY,
    chains=(chain(HERE, POLLED), chain(THERE, tagged=True)),
    reorgs=(
        *(reorg(at, 3, (Fate.SOME, Fate.DROPPED)[number % 2], domain=HERE) for number, at in enumerate(_AT)),
        *(reorg(at + 7, 3, (Fate.AGAIN, Fate.DROPPED)[number % 2], delay=1) for number, at in enumerate(_AT)),
    ),
)
"""All blocks that are not final are replaced, again and again."""

YOUNG = story(
    3000.0,
    [*calls(100.0, 1700.0, 100.0, (None, None), (200.0, None), (40.0, None), (None, 400.0))],
    deadlines=Deadlines(execute=120.0, reconcile=480.0, unobserved_after=120.0),
    chains=(
        chain(HERE, PUSHING, POLLED, final_depth=20),
        chain(THERE, PUSHING, POLLED, final_depth=20),
    ),
    reorgs=tuple(
        reorg(at, 12, Fate.SOME, domain=domain) for at in (700.0, 1100.0, 1500.0, 1900.0) for domain in (HERE, THERE)
    ),
)
"""Reorgs take back what is alerted about, and legs that came."""

BELOW_FINALITY = story(
    4200.0,
    [*calls(100.0, 3000.0, 60.0, (40.0, 200.0)), *map(back, calls(100.0, 3000.0, 70.0, (40.0, 200.0)))],
    reorgs=(
        reorg(1500.0, 30, Fate.SOME, deep=True),
        reorg(2400.0, 30, Fate.DROPPED, domain=HERE, deep=True),
    ),
)
"""What was final for long is replaced."""

DOUBT = replace(
    YOUNG,
    reorgs=(),
    transfers=tuple(calls(100.0, 1700.0, 100.0, (None, None), (200.0, None), (None, 400.0))),
)
"""Alerts about what is not final."""

LEFT_OUT_LATER = replace(
    DOUBT,
    chains=tuple(chain(domain, PUSHING, POLLED, final_depth=20, blooms=False) for domain in (HERE, THERE)),
    endpoint_faults=tuple(
        trouble(at, 150.0, EndpointTrouble.LEAVE_OUT, domain=HERE) for at in (500.0, 900.0, 1300.0, 1700.0)
    ),
)
"""An endpoint leaves out what it showed before."""

BEHIND = replace(
    DOUBT,
    seconds=7400.0,
    quiet_from=7400.0 - REST,
    transfers=tuple(calls(100.0, 6300.0, 300.0, (None, None))),
    chains=tuple(chain(domain, CLAMPING, final_depth=20, blooms=False) for domain in (HERE, THERE)),
    endpoint_faults=(trouble(400.0, 6200.0, EndpointTrouble.UNEVEN, 20, domain=HERE),),
)
"""Behind one address there is a node that lacks blocks which another one has; so few blocks hold anything that at times
it is asked about all that are missing from an answer."""

FALSE_REMOVED = replace(
    DOUBT,
    endpoint_faults=tuple(
        trouble(200.0, 1800.0, EndpointTrouble.FALSE_REMOVED, 8, domain=domain) for domain in (HERE, THERE)
    ),
)
"""Logs are called removed that stand."""

_FAST_BLOCK, _SLOW_FROM, _SLOW_UNTIL = 4.0, 150.0, 1800.0
_TAKEN = tuple(200.0 + 8.0 * number for number in range(200))

PUSHED_LATE = story(
    2700.0,
    [call(at - 1.0, None, None) for at in _TAKEN],
    deadlines=_PATIENT,
    chains=(chain(HERE, PUSHING, block_time=_FAST_BLOCK, final_depth=1), chain(THERE)),
    endpoint_faults=tuple(
        trouble(_SLOW_FROM, _SLOW_UNTIL - _SLOW_FROM, what, amount, domain=HERE)
        for what, amount in ((EndpointTrouble.SLOW, 5.0), (EndpointTrouble.MUTE_HEADS, 1.0))
    ),
    reorgs=tuple(reorg(at + 1.0, 1, Fate.DROPPED, domain=HERE, rises=False) for at in _TAKEN),
)
"""Logs are pushed whose blocks a reorg takes at once; where no head is pushed, and every answer takes seconds, they are
recorded while others read what stands there now, which is then committed as final."""

WHILE_FULL = story(
    2400.0,
    [call(380.0, None, None)],
    reorgs=(reorg(430.0, 2, Fate.DROPPED, domain=HERE),),
    disk_faults=(DiskFault(0, 400.0, 825.0),),
)
"""A call is stored, and a reorg drops it while the disk is full."""

LEG_WHILE_FULL = story(
    2400.0,
    [call(100.0, 600.0, None)],
    reorgs=(reorg(735.0, 1, Fate.DROPPED),),
    disk_faults=(DiskFault(0, 600.0, 625.0),),
)
"""The leg of an alert is pushed while the disk is full, and a reorg drops it before anything can be stored."""

WHILE_HANGING = story(
    2400.0,
    [call(380.0, None, None), call(395.0, None, None)],
    deadlines=Deadlines(execute=300.0, reconcile=1200.0, unobserved_after=600.0),
    chains=(chain(HERE, final_depth=20), chain(THERE)),
    endpoint_faults=(trouble(640.0, 200.0, EndpointTrouble.HANG, domain=HERE),),
    reorgs=(reorg(650.0, 9, Fate.DROPPED, domain=HERE, rises=False),),
)
"""The only endpoint of a chain hangs, a reorg takes two calls meanwhile, and then their legs are due."""

AIMS = (
    Aim("while full", WHILE_FULL, ("outage-not-read-again",)),
    Aim("while hanging", WHILE_HANGING, ("call-not-read-again",)),
    Aim("leg while full", LEG_WHILE_FULL, ("stored-as-it-was-seen",)),
    Aim(
        "whole depth",
        WHOLE_DEPTH,
        (
            "final-one-block-early",
            "checkpoint-at-the-head",
            "pushed-log-moves-the-checkpoint",
            "read-once-only",
            "calls-its-head-final",
            "reorgs-not-looked-for",
        ),
    ),
    Aim(
        "young",
        YOUNG,
        (
            "undo-keeps-alert",
            "undo-keeps-xcalled",
            "undo-keeps-legs",
            "leg-taken-back-is-forgotten",
        ),
    ),
    Aim(
        "below finality",
        BELOW_FINALITY,
        (
            "deep-reorg-not-told",
            "deep-reorg-not-looked-for",
            "deep-reorg-not-read-again",
        ),
    ),
    Aim(
        "left out later",
        LEFT_OUT_LATER,
        ("left-out-is-gone",),
    ),
    Aim(
        "behind",
        BEHIND,
        ("missing-block-is-gone",),
    ),
    Aim(
        "called removed",
        FALSE_REMOVED,
        ("removed-is-gone",),
    ),
    Aim(
        "pushed late",
        PUSHED_LATE,
        ("final-with-what-was-recorded-meanwhile", "becomes-final-unsaid"),
    ),
)
