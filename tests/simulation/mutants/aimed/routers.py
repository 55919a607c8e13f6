"""Aimed at what is said of the balances of routers."""

from dataclasses import replace

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.made import HERE, PUSHING, THERE, calls, chain, story
from tests.simulation.routers import LiquidityChange, Router

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

AIMS = (
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
