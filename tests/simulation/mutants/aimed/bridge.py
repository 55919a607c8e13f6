"""Aimed at what is said of the bridge itself: pauses, changes, and reorgs that take them back."""

from collections.abc import Iterable
from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import (
    BLOCK,
    HERE,
    POLLED,
    PUSHING,
    THERE,
    call,
    calls,
    chain,
    reorg,
    story,
    trouble,
)
from tests.simulation.sayings import BridgeChange, Pause, Saying
from tests.simulation.story import Deadlines, Fate
from tests.simulation.troubles import EndpointTrouble

_LONG_BLOCK, _DAY = 1800.0, 86_400.0
_PATIENT = Deadlines(execute=3600.0, reconcile=7200.0, unobserved_after=120.0)


def _changes(begin: float, every: float, *says: Iterable[Saying]) -> tuple[BridgeChange, ...]:
    return tuple(BridgeChange(THERE, begin + number * every, tuple(each)) for number, each in enumerate(says))


PAUSES = story(
    3000.0,
    calls(100.0, 900.0, 200.0),
    deadlines=_PATIENT,
    pauses=(Pause(HERE, -500.0, 900.0), Pause(THERE, 700.0, 600.0), Pause(THERE, 1800.0, 300.0)),
)
"""One bridge is paused when the monitor starts, the other one later, twice."""

LATE_BY_PAUSE = story(
    3300.0,
    [*calls(100.0, 1300.0, 120.0), *(call(500.0 + 90.0 * number, None, None) for number in range(6))],
    deadlines=Deadlines(execute=200.0, reconcile=7200.0, unobserved_after=120.0),
    pauses=(Pause(THERE, 400.0, 1200.0),),
)
"""Transfers are late while their destination is paused; some of them are so for ever."""

PAUSES_TAKEN_BACK = story(
    3300.0,
    [],
    deadlines=_PATIENT,
    chains=(chain(HERE), chain(THERE, PUSHING, POLLED, final_depth=20)),
    pauses=(Pause(THERE, 500.0, 2000.0), Pause(HERE, 1200.0, 30.0)),
    reorgs=(reorg(1000.0, 19, Fate.DROPPED), reorg(1900.0, 19)),
)
"""A reorg takes a pause back for good that was told of."""

CHANGES = story(
    3000.0,
    [],
    deadlines=_PATIENT,
    bridge_changes=_changes(
        200.0,
        150.0,
        [Saying.DIAMOND_CUT, Saying.OWNERSHIP_TRANSFERRED],
        [Saying.RELAYER_REMOVED, Saying.ROUTER_LIQUIDITY_ADDED, Saying.RELAYER_REMOVED],
        [Saying.DIAMOND_CUT_PROPOSED],
        [Saying.ROUTER_LIQUIDITY_ADDED, Saying.ROUTER_LIQUIDITY_ADDED],
        [Saying.SEQUENCER_ADDED, Saying.REVOKE_ROLE],
        [Saying.ROUTER_ADDED],
    ),
)
"""Transactions change one thing, several, the same twice, or nothing."""

CHANGES_TAKEN_BACK = story(
    3300.0,
    [],
    deadlines=_PATIENT,
    chains=(chain(HERE), chain(THERE, PUSHING, POLLED, final_depth=20)),
    bridge_changes=_changes(
        500.0, 40.0, [Saying.DIAMOND_CUT], [Saying.ROUTER_LIQUIDITY_ADDED], [Saying.ASSIGN_ROLE_ADMIN] * 2
    ),
    reorgs=(reorg(1000.0, 19, Fate.DROPPED),),
)
"""A reorg takes changes back for good that were told of."""

CHANGES_MOVED = story(
    3300.0,
    [],
    deadlines=_PATIENT,
    chains=(chain(HERE), chain(THERE, PUSHING, POLLED, final_depth=20)),
    bridge_changes=_changes(500.0, 40.0, [Saying.DIAMOND_CUT], [Saying.RELAYER_REMOVED]),
    reorgs=(reorg(1000.0, 19, rises=False), reorg(1300.0, 25, rises=False)),
)
"""Reorgs move changes that were told of to other blocks, and no further."""

_TAKEN = tuple(605.0 + 5 * BLOCK * number for number in range(8))
TAKEN_AT_ONCE = story(
    3000.0,
    [],
    deadlines=_PATIENT,
    bridge_changes=tuple(BridgeChange(THERE, at, (Saying.DIAMOND_CUT,)) for at in _TAKEN),
    pauses=tuple(Pause(HERE, at, BLOCK) for at in _TAKEN),
    reorgs=tuple(
        reorg(at + BLOCK - 4.5, 1, Fate.DROPPED, domain=domain, rises=False)
        for at in _TAKEN
        for domain in (HERE, THERE)
    ),
    endpoint_faults=tuple(trouble(550.0, 1200.0, EndpointTrouble.SLOW, 2.0, domain=domain) for domain in (HERE, THERE)),
)
"""Reorgs take changes and pauses back half a second after their blocks, which nobody has read by then."""

MADE_UP = story(
    3000.0,
    calls(100.0, 2000.0, 40.0),
    deadlines=_PATIENT,
    endpoint_faults=(trouble(900.0, 300.0, EndpointTrouble.FORGE_PUSHES),),
)
"""An endpoint pushes pauses, changes and calls that their blocks do not hold."""

MADE_UP_WITHOUT_FILTERS = replace(MADE_UP, chains=tuple(chain(domain, blooms=False) for domain in (HERE, THERE)))
"""The same where blocks say nothing of their logs."""

DOUBLED = story(
    2400.0,
    [],
    bridge_changes=_changes(200.0, 150.0, [Saying.DIAMOND_CUT], [Saying.ROUTER_LIQUIDITY_ADDED] * 2),
    endpoint_faults=(trouble(100.0, 900.0, EndpointTrouble.TWICE),),
)
"""An endpoint answers and pushes each log twice."""

NOTED = story(
    _DAY + 3 * 3600.0,
    [],
    deadlines=Deadlines(execute=3600.0, reconcile=7200.0, unobserved_after=5 * _LONG_BLOCK),
    chains=tuple(chain(domain, block_time=_LONG_BLOCK, age=40 * _LONG_BLOCK) for domain in (HERE, THERE)),
    bridge_changes=_changes(100.0, 100.0, [Saying.DIAMOND_CUT]),
)
"""Nobody acknowledges a change for a day."""

AIMS = (
    Aim("pauses", PAUSES, ("pause-not-asked-about-at-the-start", "unpaused-unheard")),
    Aim(
        "late by a pause",
        LATE_BY_PAUSE,
        ("counted-and-not-told-after-the-cause", "cause-leaves-its-count-out"),
    ),
    Aim("pauses taken back", PAUSES_TAKEN_BACK, ("pause-taken-back-stands", "pause-taken-back-is-unpaused")),
    Aim(
        "changes",
        CHANGES,
        ("change-told-for-each-event", "proposal-is-a-change", "owner-is-a-warning", "bridge-event-said-once"),
    ),
    Aim("changes taken back", CHANGES_TAKEN_BACK, ("change-taken-back-stands", "bridge-event-taken-back-stays")),
    Aim("changes moved", CHANGES_MOVED, ("change-that-moved-opens-again",)),
    Aim("taken at once", TAKEN_AT_ONCE, ("change-told-as-pushed",)),
    Aim("made up", MADE_UP, ("push-that-its-block-rules-out-believed",)),
    Aim("made up without filters", MADE_UP_WITHOUT_FILTERS, ("pushed-bridge-event-believed",)),
    Aim("doubled", DOUBLED, ("bridge-log-counted-twice",)),
    Aim("noted", NOTED, ("change-is-news-for-ever",)),
)
