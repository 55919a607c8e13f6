"""Aimed at what is late, what is false and what is many: nothing is wrong with endpoints, channels or the monitor."""

from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import (
    HERE,
    POLLED,
    THERE,
    back,
    call,
    calls,
    chain,
    mismatch,
    phantom,
    reorg,
    story,
    trouble,
)
from tests.simulation.story import Fate
from tests.simulation.troubles import EndpointTrouble

ON_TIME, LATE, NEVER = (60.0, 400.0), (450.0, 1500.0), (None, None)
RECONCILED_ONLY = (None, 100.0)

PLAIN = story(
    4200.0,
    [*calls(100.0, 2400.0, 190.0, ON_TIME, LATE, NEVER, RECONCILED_ONLY), phantom(700.0), mismatch(900.0)],
    chains=(chain(HERE), chain(THERE, block_time=60.0)),
)
"""Legs on time, late and never; blocks of the destination are stamped with the deadline itself, or between two."""

ACROSS = replace(PLAIN, transfers=tuple(map(back, PLAIN.transfers)))
"""The same the other way round: two blocks of the destination to each of the origin."""

BURST = story(
    2700.0,
    [*(call(300.0 + number, 700.0, 800.0) for number in range(12)), call(1500.0, 60.0, 200.0)],
)
"""A dozen transfers that are late together, and arrive together."""

HIDDEN_LEGS = story(
    2700.0,
    [*calls(100.0, 1200.0, 110.0), *map(back, calls(100.0, 1200.0, 110.0))],
    endpoint_faults=(trouble(150.0, 900.0, EndpointTrouble.HIDE_LEGS),),
)
"""No endpoint shows a leg, and the contract tells of each."""

SLOW_ORIGIN = story(
    2400.0,
    [*calls(100.0, 1500.0, 100.0, (5.0, 300.0))],
    chains=(chain(HERE, POLLED), chain(THERE)),
    endpoint_faults=(trouble(300.0, 900.0, EndpointTrouble.LAG, 12, domain=HERE),),
)
"""What is delivered is seen minutes before it was sent."""

FORGED_AND_TAKEN_BACK = story(
    2400.0,
    [mismatch(300.0), mismatch(900.0), phantom(600.0), call(700.0)],
    reorgs=(reorg(395.0, 2, Fate.DROPPED), reorg(1000.0, 2, Fate.DROPPED)),
)
"""False deliveries that reorgs take back."""

AIMS = (
    Aim(
        "plain",
        PLAIN,
        (
            "due-is-past",
            "reconciled-counts-as-executed",
            "reconcile-due-like-execute",
            "deadline-an-hour-late",
            "reconcile-forgotten",
            "alerts-do-not-end-with-the-leg",
            "first-one-wins",
            "destination-must-speak-last",
            "delivery-not-woken",
            "ends-not-told",
            "judge-not-woken",
            "deadlines-without-timers",
            "checkpoint-never-stored",
            "phantoms-not-looked-for",
            "mismatch-not-told",
            "mismatch-recorded",
            "sent-again-from-memory",
            "out-of-sight-too-soon",
        ),
    ),
    Aim(
        "across",
        ACROSS,
        ("clock-is-enough",),
    ),
    Aim(
        "burst",
        BURST,
        (
            "burst-is-a-flood",
            "digest-drops-one",
        ),
    ),
    Aim(
        "hidden legs",
        HIDDEN_LEGS,
        (
            "contract-not-asked",
            "contracts-yes-ignored",
            "missing-event-not-fetched",
        ),
    ),
    Aim(
        "slow origin",
        SLOW_ORIGIN,
        ("phantoms-guessed",),
    ),
    Aim(
        "forged and taken back",
        FORGED_AND_TAKEN_BACK,
        ("undo-keeps-mismatch",),
    ),
)
