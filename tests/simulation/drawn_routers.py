"""Draws into some stories routers that the config names, what becomes of their liquidity, and what they fill."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.simulation.drawn_acts import FIRST_SEED_WITH_PATHWAYS
from tests.simulation.routers import LiquidityChange, Router
from tests.simulation.story import Story, Transfer

FIRST_SEED = FIRST_SEED_WITH_PATHWAYS
"""Stories of seeds below that were drawn before any config named a router, and stay as they were."""
FIRST_SEED_WITH_SILENCE = 890_000_000
"""In stories of seeds below that one router fills all that is fast, and nobody wants to hear when it is silent."""
_WITH_ROUTERS = 1 / 3
_NAMES = ("ours", "theirs")
_OVER_BEFORE = 1800.0
"""Seconds before the quiet end after which no liquidity changes any more."""
_SOON = 120.0
_ANOTHER = 9
"""The number of a router that no config names."""


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
    drawn = replace(story, routers=tuple(routers), liquidity=tuple(sorted(changes, key=lambda change: change.at)))
    return drawn if story.seed < FIRST_SEED_WITH_SILENCE else _draw_silence(drawn)


def _draw_silence(story: Story) -> Story:
    """The story, with routers that share what there is to fill, and fill nothing for a while."""
    random = Random(f"{story.seed} of silence")  # noqa: S311
    routers = tuple(
        replace(
            router,
            silent_after=random.choice((0.0, 900.0, 1800.0, 3600.0, 7200.0)),
            silent_transfers=random.choice((1, 2, 3, 5)),
        )
        for router in story.routers
    )
    absent = {router.number: list(_absences(random, router, story.seconds)) for router in routers}
    transfers = tuple(replace(each, router=_filler(random, each, absent)) for each in story.transfers)
    return replace(story, routers=routers, transfers=transfers)


def _absences(random: Random, router: Router, seconds: float) -> Iterator[tuple[float, float]]:
    """When it fills nothing: now and then for longer than it may, in some stories all the while."""
    if random.random() < 0.1:
        yield -math.inf, math.inf
    for _ in range(1 + int(seconds / 21_600)):
        begin = random.uniform(0.0, seconds)
        yield begin, begin + random.uniform(0.8, 4.0) * (router.silent_after or 3600.0)


def _filler(random: Random, transfer: Transfer, absent: Mapping[int, Sequence[tuple[float, float]]]) -> int:
    there = [n for n, times in absent.items() if not any(begin <= transfer.at < end for begin, end in times)]
    return random.choice([*there, *there, _ANOTHER])


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
