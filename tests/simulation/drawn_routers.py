"""Draws into some stories a router that the config names, and what becomes of its liquidity."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.simulation.drawn_acts import FIRST_SEED_WITH_PATHWAYS
from tests.simulation.routers import LiquidityChange, Router
from tests.simulation.story import Story

FIRST_SEED = FIRST_SEED_WITH_PATHWAYS
"""Stories of seeds below that were drawn before any config named a router, and stay as they were."""
_WITH_ROUTERS = 1 / 3
_NAMES = ("ours", "theirs")
_OVER_BEFORE = 1800.0
"""Seconds before the quiet end after which no liquidity changes any more."""
_SOON = 120.0


def draw_routers(story: Story) -> Story:
    """The story, in some cases with named routers, which have too little at times."""
    random = Random(f"{story.seed} of routers")  # noqa: S311
    last = story.quiet_from - _OVER_BEFORE
    if story.seed < FIRST_SEED or random.random() >= _WITH_ROUTERS or last <= _SOON:
        return story
    minimum = random.choice((1, 500, 25_000))
    routers = [
        Router(name, number, minimum, _tokens(random, minimum, low=random.random() < 0.2))
        for number, name in enumerate(_NAMES[: random.choice((1, 1, 2))])
    ]
    changes = [
        change
        for router in routers
        for chain in story.chains
        for change in _changes(random, router, chain.domain, last)
    ]
    return replace(story, routers=tuple(routers), liquidity=tuple(sorted(changes, key=lambda change: change.at)))


def _changes(random: Random, router: Router, domain: int, last: float) -> Iterator[LiquidityChange]:
    """Some of them soon after another, and not all to the other side of the minimum."""
    times: list[float] = []
    for _ in range(random.randrange(6)):
        at = random.uniform(0.0, last - _SOON)
        times += [at, at + random.uniform(1.0, _SOON)] if random.random() < 0.3 else [at]
    has, low = router.before, router.before < router.minimum
    for at in sorted(times):
        low = not low if random.random() < 0.8 else low
        tokens = _tokens(random, router.minimum, low=low)
        if tokens != has:
            yield LiquidityChange(domain, round(at, 1), router.number, tokens - has, random.random() < 0.6)
        has = tokens


def _tokens(random: Random, minimum: int, *, low: bool) -> int:
    """Less than the minimum, or not; some just so."""
    if random.random() < 0.3:
        return minimum - low
    return random.randrange(minimum) if low else minimum + random.randrange(10 * minimum)
