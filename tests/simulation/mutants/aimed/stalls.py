"""Aimed at what is said of stalled pathways: who counts, from when on, and what ends it."""

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import HERE, PUSHING, THERE, back, call, calls, chain, reorg, story, trouble
from tests.simulation.story import Deadlines, Fate
from tests.simulation.troubles import EndpointTrouble

_PATIENT = Deadlines(execute=1200.0, reconcile=7200.0, unobserved_after=120.0)
"""The oldest has to wait for 600 s."""
_LONG_BLOCK = 1500.0

STALLS = story(
    6000.0,
    [
        # Three wait, just as many as it takes; on the way back two do, which is one less.
        *(call(100.0 + 30.0 * number, 1500.0) for number in range(3)),
        *(back(call(100.0 + 30.0 * number, 1500.0)) for number in range(2)),
        # Three never arrive, while others do.
        *(call(2500.0 + 60.0 * number, 60.0 if number % 2 else None) for number in range(6)),
        call(3300.0),
    ],
    deadlines=_PATIENT,
)
"""Just enough transfers wait, or one too few, or some that never arrive while others do."""

GROWING = story(
    5000.0, [call(100.0 + 50.0 * number, 2500.0 - 50.0 * number) for number in range(45)], deadlines=_PATIENT
)
"""More and more transfers wait, until all are executed."""

SELDOM_BLOCKS = story(
    4 * _LONG_BLOCK + 600.0,
    calls(100.0, 400.0, 100.0, (4500.0, 5000.0)),
    deadlines=Deadlines(execute=1200.0, reconcile=9000.0, unobserved_after=5 * _LONG_BLOCK),
    chains=(chain(HERE), chain(THERE, block_time=_LONG_BLOCK, age=40 * _LONG_BLOCK)),
)
"""The destination has no block for long, when the oldest has waited for long enough."""

UNSHOWN = story(
    3600.0,
    calls(600.0, 900.0, 100.0, (60.0, 6000.0)),
    deadlines=_PATIENT,
    endpoint_faults=(trouble(500.0, 2000.0, EndpointTrouble.HIDE_LEGS),),
)
"""What is executed is shown by nobody, and the contract tells of it."""

TAKEN_BACK = story(
    3600.0,
    calls(600.0, 900.0, 100.0, (None, None)),
    deadlines=_PATIENT,
    chains=(chain(HERE, PUSHING, final_depth=60), chain(THERE)),
    reorgs=(reorg(1900.0, 50, Fate.DROPPED, domain=HERE),),
)
"""A reorg takes back for good what waited."""

TAKEN_UNSEEN = story(
    2400.0,
    calls(380.0, 420.0, 10.0, (None, None)),
    deadlines=Deadlines(execute=300.0, reconcile=7200.0, unobserved_after=600.0),
    chains=(chain(HERE, PUSHING, final_depth=20), chain(THERE)),
    endpoint_faults=(trouble(500.0, 200.0, EndpointTrouble.HANG, domain=HERE),),
    reorgs=(reorg(510.0, 5, Fate.DROPPED, domain=HERE, rises=False),),
)
"""The only endpoint of a chain hangs, a reorg takes back what waits meanwhile, and then it has waited for long."""

AIMS = (
    Aim(
        "stalls",
        STALLS,
        ("stall-of-too-few", "stall-of-more", "stall-at-once", "stall-of-the-stuck", "stall-over-unheard"),
    ),
    Aim("growing stalls", GROWING, ("stall-from-the-newest",)),
    Aim("seldom blocks", SELDOM_BLOCKS, ("stall-not-covered",)),
    Aim("unshown executions", UNSHOWN, ("stall-not-asked",)),
    Aim("stalls taken back", TAKEN_BACK, ("stall-taken-back-stands",)),
    Aim("stalls taken unseen", TAKEN_UNSEEN, ("stall-not-read-again",)),
)
