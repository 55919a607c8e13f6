"""Aimed at what befalls the process, its clock and its disk."""

from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import HERE, back, call, calls, story, trouble
from tests.simulation.story import ChannelFault, ClockStep, Deadlines, DiskFault, Kill, Standby
from tests.simulation.troubles import ChannelTrouble, EndpointTrouble, KillManner

_LATE = [(450.0, 700.0), (520.0, 800.0)]

RESTARTS = story(
    4500.0,
    [
        *calls(100.0, 3000.0, 240.0, *_LATE, (None, None)),
        *(call(1300.0 + number, 900.0, 1000.0) for number in range(6)),
    ],
    endpoint_faults=(trouble(1100.0, 700.0, EndpointTrouble.DISCONNECT, domain=HERE),),
    channel_faults=(ChannelFault("discord", 600.0, 900.0, ChannelTrouble.FAIL),),
    kills=(
        Kill(0, 480.0, 20.0, KillManner.STOP),
        Kill(0, 900.0, 20.0, KillManner.STEP, 3),
        Kill(0, 1500.0, 120.0, KillManner.STOP),
        Kill(0, 2000.0, 20.0, KillManner.STEP, 40),
        Kill(0, 2700.0, 300.0, KillManner.STOP),
    ),
)
"""Stopped and started again with deadlines pending, alerts open and messages waiting."""

STARTED_TOO_OFTEN = story(
    2400.0,
    calls(100.0, 1000.0, 150.0, (450.0, 700.0)),
    endpoint_faults=(trouble(600.0, 900.0, EndpointTrouble.DISCONNECT, domain=HERE),),
    kills=tuple(Kill(0, 610.0 + 100.0 * number, 2.0, KillManner.STEP, 1) for number in range(9)),
)
"""Killed again and again while a chain is out of sight, each time before it has been silent for long enough."""

TRIED_TOO_OFTEN = story(
    2400.0,
    calls(100.0, 1000.0, 150.0, (450.0, 700.0)),
    channel_faults=(ChannelFault("discord", 500.0, 700.0, ChannelTrouble.FAIL),),
    kills=tuple(Kill(0, 560.0 + 57.0 * number, 2.0, KillManner.STEP, 1) for number in range(12)),
)
"""Killed again and again while a channel fails, each time before it has failed for a minute."""

KILLED_WHILE_ENDING = story(
    3900.0,
    [call(60.0 + number, 600.0 + 180.0 * number, 620.0 + 180.0 * number) for number in range(12)],
    kills=tuple(Kill(0, 640.0 + 180.0 * number, 10.0, KillManner.EVENT, 2 + number) for number in range(12)),
)
"""Gone at each statement of what is written when a late leg comes."""

KILLED_WHILE_TELLING = story(
    3000.0,
    [call(60.0 + 150.0 * number, 450.0, 470.0) for number in range(9)],
    kills=tuple(Kill(0, 370.0 + 75.0 * number, 5.0, KillManner.ALERT, 1 + number % 6) for number in range(20)),
)
"""Gone at each statement of what is written when alerts open and end."""

_UNHURRIED = Deadlines(execute=6000.0, reconcile=9000.0, unobserved_after=120.0)
"""Nothing is asked about a leg before the end: what was lost stays lost."""

KILLED_CATCHING_UP = story(
    4200.0,
    calls(100.0, 3300.0, 40.0),
    deadlines=_UNHURRIED,
    kills=tuple(
        kill
        for number in range(5)
        for kill in (
            Kill(0, 510.0 + 540.0 * number, 300.0, KillManner.STEP, 1),
            Kill(0, 810.1 + 540.0 * number, 2.0, KillManner.EVENT, 1 + number),
        )
    ),
)
"""Gone while it reads what came meanwhile, which is final. Of a chain with legs only, no nonce tells what is lost."""

FULL_CATCHING_UP = replace(
    KILLED_CATCHING_UP,
    kills=KILLED_CATCHING_UP.kills[::2],
    disk_faults=tuple(DiskFault(0, 810.5 + 540.0 * number, 40.0) for number in range(5)),
)
"""The disk is full when what came meanwhile, which is final, is to be stored."""

FULL_DISK = story(
    3900.0,
    [*calls(100.0, 2900.0, 100.0), *map(back, calls(100.0, 2900.0, 130.0)), call(500.0, None, None)],
    disk_faults=(DiskFault(0, 900.0, 600.0),),
)
"""Nothing can be written for longer than blocks take to become final."""

FULL_IN_THE_MIDST = story(
    3300.0,
    [*calls(100.0, 2300.0, 100.0, (60.0, 200.0), (450.0, 700.0)), *map(back, calls(100.0, 2300.0, 130.0))],
    disk_faults=tuple(DiskFault(0, 600.0 + 90.0 * number, 45.0, 1 + number % 8) for number in range(20)),
)
"""The disk is full in the midst of a transaction, after some of what it writes."""

WRONG_CLOCK = story(
    4500.0,
    calls(100.0, 3000.0, 150.0, (None, None), (60.0, 400.0), (450.0, 1500.0)),
    clock_steps=(ClockStep(0, 900.0, 1200.0, -3600.0), ClockStep(0, 2500.0, 900.0, 3600.0)),
)
"""The machine's clock is an hour off, and all chains say so."""

RETENTION = story(
    4200.0,
    calls(100.0, 3300.0, 150.0, (60.0, 200.0), (450.0, 700.0), (None, None), (60.0, None)),
    keep=1200.0,
    kills=(Kill(0, 1800.0, 20.0, KillManner.STOP), Kill(0, 3000.0, 20.0, KillManner.STOP)),
)
"""What is settled is kept for twenty minutes."""

TAKEN_OVER = story(
    2400.0,
    calls(60.0, 1500.0, 60.0, *_LATE),
    standbys=(Standby(1, 600.0, 900.0),),
    kills=(Kill(0, 903.0, 120.0, KillManner.STEP, 3),),
)
"""Another instance waits for the database, has it when the first one is killed, and gives it back."""

AIMS = (
    Aim("taken over", TAKEN_OVER, ("two-owners", "lets-go-of-the-lock", "refused-yet-heard")),
    Aim("started too often", STARTED_TOO_OFTEN, ("silence-begins-anew",)),
    Aim("tried too often", TRIED_TOO_OFTEN, ("failing-begins-anew",)),
    Aim("full catching up", FULL_CATCHING_UP, ("batch-lost-on-a-full-disk",)),
    Aim("full in the midst", FULL_IN_THE_MIDST, ("no-rollback",)),
    Aim("retention", RETENTION, ("prunes-what-is-not-finished",)),
    Aim(
        "restarts",
        RESTARTS,
        (
            "timers-not-rebuilt",
            "restart-alerts-again",
            "restart-forgets-open",
        ),
    ),
    Aim("killed while ending", KILLED_WHILE_ENDING, ("alerts-end-in-a-second-transaction",)),
    Aim(
        "killed while telling",
        KILLED_WHILE_TELLING,
        ("news-in-a-second-transaction", "ends-in-a-second-transaction"),
    ),
    Aim(
        "killed catching up",
        KILLED_CATCHING_UP,
        ("checkpoint-before-events",),
    ),
    Aim(
        "full disk",
        FULL_DISK,
        (
            "full-disk-not-told",
            "full-disk-never-over",
        ),
    ),
    Aim(
        "wrong clock",
        WRONG_CLOCK,
        ("clock-believed",),
    ),
)
