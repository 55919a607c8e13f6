"""Aimed at endpoints that do not show everything, or nothing."""

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import (
    CLAMPING,
    HERE,
    POLLED,
    PUSHING,
    THERE,
    back,
    call,
    calls,
    chain,
    story,
    trouble,
    unreadable,
)
from tests.simulation.story import Deadlines, Kill, Stall, Suspension
from tests.simulation.troubles import EndpointTrouble, KillManner

_BOTH_WAYS = [*calls(60.0, 1500.0, 45.0, (40.0, 200.0)), *map(back, calls(70.0, 1500.0, 55.0, (40.0, 200.0)))]
_NO_BLOOMS = (chain(HERE, PUSHING, POLLED, blooms=False), chain(THERE, PUSHING, POLLED, blooms=False))
_PATIENT = Deadlines(execute=3600.0, reconcile=7200.0, unobserved_after=120.0)

HALF_OF_THE_LEGS = story(
    2400.0,
    calls(60.0, 1500.0, 35.0, (40.0, 200.0)),
    deadlines=_PATIENT,
    chains=_NO_BLOOMS,
    endpoint_faults=(trouble(0.0, 1450.0, EndpointTrouble.LEAVE_OUT, 0.7),),
)
"""Of two endpoints, one leaves out most legs, always the same ones."""

SOME_OF_THE_CALLS = story(
    2400.0,
    calls(60.0, 1500.0, 35.0, (40.0, 200.0), (None, None)),
    deadlines=_PATIENT,
    chains=_NO_BLOOMS,
    endpoint_faults=(trouble(0.0, 1450.0, EndpointTrouble.LEAVE_OUT, 0.15, domain=HERE),),
)
"""Of two endpoints, one leaves out some XCalleds, always the same ones; where no leg comes, only the nonces tell."""

HIDDEN_CALLS = story(
    3000.0,
    _BOTH_WAYS,
    deadlines=_PATIENT,
    chains=_NO_BLOOMS,
    endpoint_faults=tuple(
        trouble(400.0, 400.0, EndpointTrouble.EMPTY, domain=HERE, endpoint=endpoint) for endpoint in (0, 1)
    ),
)
"""No endpoint shows an XCalled for a while: only the nonce tells."""

FALLS_BEHIND = story(
    3600.0,
    [*calls(60.0, 2700.0, 45.0, (40.0, 200.0)), *map(back, calls(70.0, 2700.0, 55.0, (40.0, 200.0)))],
    deadlines=_PATIENT,
    chains=(chain(HERE, CLAMPING, blooms=False), chain(THERE, CLAMPING, blooms=False)),
    endpoint_faults=tuple(
        fault
        for domain in (HERE, THERE)
        for fault in (
            trouble(1800.0, 400.0, EndpointTrouble.RANGE_LIMIT, 5, domain=domain),
            trouble(1800.0, 400.0, EndpointTrouble.SLOW, 3, domain=domain),
            *(trouble(1836.0 + 16 * n, 9.0, EndpointTrouble.LAG, 40, domain=domain) for n in range(8)),
        )
    ),
    kills=(Kill(0, 300.0, 1510.0, KillManner.STOP),),
)
"""While history is read piece by piece, the only endpoint falls behind what it said that its head was."""

BLIND = story(
    4200.0,
    [call(200.0, None, None), call(1500.0, None, None), call(2300.0, None, None), *calls(100.0, 3000.0, 300.0)],
    endpoint_faults=(
        trouble(700.0, 420.0, EndpointTrouble.DISCONNECT),
        trouble(1750.0, 600.0, EndpointTrouble.REFUSE_CALLS),
    ),
    stalls=(Stall(HERE, 2700.0, 500.0),),
)
"""A chain is out of sight, one makes no blocks, and one answers no calls while a leg is late."""

STANDSTILL = story(
    2700.0,
    calls(100.0, 1500.0, 150.0),
    suspensions=(Suspension(0, 900.0, 400.0),),
)
"""The host stands still."""

LOST_HISTORY = story(
    4800.0,
    calls(100.0, 3600.0, 120.0),
    endpoint_faults=(trouble(850.0, 3000.0, EndpointTrouble.PRUNE, 16),),
    kills=(Kill(0, 900.0, 1200.0, KillManner.STOP),),
)
"""The monitor is away for longer than the only endpoint remembers."""

MALFORMED = story(
    2700.0,
    [*_BOTH_WAYS, unreadable(700.0), unreadable(1600.0)],
    deadlines=_PATIENT,
    chains=_NO_BLOOMS,
    endpoint_faults=(trouble(300.0, 1000.0, EndpointTrouble.MALFORMED_LOGS),),
)
"""An endpoint cuts logs short, and a contract writes two that nobody can decode."""

NOTHING_DECODABLE = story(2400.0, [*calls(100.0, 600.0, 100.0), unreadable(1100.0), call(1400.0)])
"""The newest log of a chain with one endpoint is for a while one that nobody can decode."""

FORGED_PUSHES = story(
    2400.0,
    calls(100.0, 1500.0, 150.0),
    endpoint_faults=(trouble(150.0, 1300.0, EndpointTrouble.FORGE_PUSHES),),
)
"""An endpoint pushes deliveries that say something else than was sent, and answers right."""

AIMS = (
    Aim("half of the legs", HALF_OF_THE_LEGS, ("believes-one-endpoint", "other-endpoints-logs-dropped")),
    Aim("some of the calls", SOME_OF_THE_CALLS, ("holes-not-fetched", "holes-skipped")),
    Aim(
        "hidden calls",
        HIDDEN_CALLS,
        ("nonce-not-asked",),
    ),
    Aim(
        "falls behind",
        FALLS_BEHIND,
        ("lag-counts-as-read",),
    ),
    Aim(
        "blind",
        BLIND,
        (
            "chain-out-of-sight-not-told",
            "unjudged-legs-not-told",
            "chain-never-in-sight-again",
        ),
    ),
    Aim(
        "standstill",
        STANDSTILL,
        ("suspended-time-is-silence",),
    ),
    Aim(
        "lost history",
        LOST_HISTORY,
        ("blind-start-not-told",),
    ),
    Aim(
        "malformed",
        MALFORMED,
        ("malformed-log-stops-the-chain", "malformed-log-not-kept"),
    ),
    Aim("nothing decodable", NOTHING_DECODABLE, ("undecodable-is-in-sight",)),
    Aim(
        "forged pushes",
        FORGED_PUSHES,
        ("pushed-log-accuses",),
    ),
)
