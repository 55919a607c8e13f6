"""Aimed at what is said of the balances of routers, and of their silence."""

from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import HERE, PUSHING, THERE, call, calls, chain, story
from tests.simulation.routers import LiquidityChange, Router
from tests.simulation.story import Transfer

LOW = story(
    5400.0,
    calls(60.0, 3600.0, 300.0),
    chains=(chain(HERE, replace(PUSHING, latency=0.5)), chain(THERE)),
    routers=(Router("ours", 0, 500, 2000), Router("theirs", 1, 500, 500)),
    liquidity=(
        LiquidityChange(HERE, 310.0, 0, -1600),
        LiquidityChange(HERE, 1510.0, 0, 1600, says=False),
        LiquidityChange(HERE, 2710.0, 0, -1600),
        LiquidityChange(HERE, 2735.0, 0, 1600),
    ),
)
"""A router removes liquidity, gets it back with what it fronted, and has too little for one block once more."""

_OURS, _POOR, _ANOTHER = 0, 1, 9


def _filled(at: float, by: int) -> Transfer:
    return call(at, 80.0, amount=10**19, router=by)


SILENT = story(
    7800.0,
    [
        *(_filled(at, _ANOTHER) for at in (10.0, 40.0, 70.0)),
        *(_filled(540.0 + 540.0 * turn, _OURS) for turn in range(3)),
        *(_filled(270.0 + 270.0 * turn, _ANOTHER) for turn in range(16)),
        *(_filled(4700.0 + 130.0 * turn, _OURS) for turn in range(4)),
    ],
    routers=(
        Router("ours", _OURS, 1, 1000, silent_after=900.0),
        Router("poor", _POOR, 1, 9, silent_after=900.0),
    ),
)
"""A router fills only what another leaves, then nothing for a while, then all; at the end nothing is sent. One that has
not got enough never fills anything. Just enough are sent for silence to be told of."""

AIMS = (
    Aim(
        "silent",
        SILENT,
        (
            "silent-whatever-it-fills",
            "silent-before-it-was-watched",
            "silent-for-want-of-funds",
            "silent-for-what-was-long-ago",
            "silence-one-more",
            "silence-broken-by-others",
            "filling-again-unheard",
        ),
    ),
    Aim(
        "low",
        LOW,
        (
            "low-after-one-block",
            "low-at-the-minimum",
            "refilled-unheard",
            "liquidity-changes-unheard",
            "balances-mixed-up",
            "decimals-in-a-hurry",
        ),
    ),
)
