"""Draws a story from a seed: incidents that overlap at times, quiet in between, and a quiet end."""

from dataclasses import replace
from random import Random

from tests.simulation.drawn_acts import draw_acts
from tests.simulation.drawn_batches import FIRST_SEED as FIRST_SEED_WITH_BATCHES
from tests.simulation.drawn_batches import draw_batches
from tests.simulation.drawn_changes import draw_changes
from tests.simulation.drawn_clusters import draw_cluster
from tests.simulation.drawn_routers import draw_routers
from tests.simulation.drawn_slow import FIRST_SEED as FIRST_SEED_WITH_SLOW_ENDPOINTS
from tests.simulation.drawn_slow import draw_slow
from tests.simulation.drawn_standbys import draw_standby
from tests.simulation.drawn_transfers import draw_transfers, draw_unreadable
from tests.simulation.drawn_troubles import draw_incidents
from tests.simulation.story import ChainTraits, Channel, Deadlines, EndpointTraits, Story
from tests.simulation.troubles import Beyond

NEWEST_SEEDS = FIRST_SEED_WITH_SLOW_ENDPOINTS
"""Stories of seeds from here on hold all that any does."""
DAY = 86_400.0
_FIRST_DOMAIN, _FIRST_CHAIN_ID = 1001, 31_337
_COUNTS = (2, 2, 2, 2, 2, 2, 3, 3, 4, 5)
"""How many chains there are."""
_BLOCK_TIMES = (60.0, 60.0, 60.0, 45.0, 30.0, 30.0, 20.0, 12.0, 5.0)
_CHANNEL_TYPES = ("webhook", "discord", "slack")
_LONG_UNOBSERVED = 1800.0
_REST = 3600.0
"""Seconds from the last leg that trouble may have hidden until all is at rest."""


def draw(seed: int, days: float) -> Story:
    """The story of a seed, of any kind."""
    random = Random(seed)  # noqa: S311
    plain = random.random() < 0.5
    count = 2 if plain else random.choice(_COUNTS)
    block_times = [60.0 if plain else random.choice(_BLOCK_TIMES) for _ in range(count)]
    drawn = draw_slow(draw_routers(draw_acts(draw_cluster(_draw(seed, days, random, block_times)))))
    return draw_batches(drawn) if seed >= FIRST_SEED_WITH_BATCHES else drawn


def draw_minutes(seed: int, days: float) -> Story:
    """The story of a seed with two chains of a block a minute, whose first endpoints push: what speed is measured with.

    Most of what is reconciled is so in batches, whatever the seed. An endpoint that is polled is asked every twelve
    seconds. A chain may be out of sight for long before that is alerted about: all of a chain is read twice as often as
    that, which costs more than anything else at rest.
    """
    drawn = draw_batches(_draw(seed, days, Random(seed), [60.0, 60.0]))  # noqa: S311
    deadlines = replace(drawn.deadlines, unobserved_after=_LONG_UNOBSERVED)
    return replace(drawn, deadlines=deadlines, chains=tuple(_pushing_first(chain) for chain in drawn.chains))


def _pushing_first(chain: ChainTraits) -> ChainTraits:
    first, *others = chain.endpoints
    return replace(chain, endpoints=(replace(first, pushes=True), *others))


def _draw(seed: int, days: float, random: Random, block_times: list[float]) -> Story:
    seconds = days * DAY
    deadlines = _deadlines(random, max(block_times))
    story = Story(
        seed=seed,
        seconds=seconds,
        quiet_from=max(seconds / 3, seconds - deadlines.reconcile - _REST),
        deadlines=deadlines,
        chains=tuple(_chain(random, index, block_time) for index, block_time in enumerate(block_times)),
        channels=tuple(Channel(name, name) for name in _CHANNEL_TYPES[: random.choice((1, 2, 2, 3))]),
        keep=random.choice((None, None, 7200.0, 21_600.0)),
    )
    drawn = draw_incidents(random, replace(story, transfers=draw_transfers(random, story)))
    return draw_standby(draw_changes(draw_unreadable(drawn)))


def _deadlines(random: Random, block_time: float) -> Deadlines:
    return Deadlines(
        execute=random.choice((300.0, 600.0, 900.0)),
        reconcile=random.choice((3600.0, 7200.0, 10_800.0)),
        unobserved_after=max(random.choice((120.0, 180.0, 300.0)), 3 * block_time),
    )


def _chain(random: Random, index: int, block_time: float) -> ChainTraits:
    final_depth = random.choice((2, 3, 5, 10, 20, 30))
    count = random.choice((1, 2, 2, 2, 2, 3, 3))
    return ChainTraits(
        domain=_FIRST_DOMAIN + index,
        chain_id=_FIRST_CHAIN_ID + index,
        block_time=block_time,
        final_depth=final_depth,
        endpoints=tuple(_endpoint(random, number) for number in range(count)),
        tagged=random.random() < 0.4,
        blooms=random.random() < 0.8,
        clock_error=random.choice((0.0, 0.0, 0.0, -5.0, 1.0, 10.0)),
        age=max(3600.0, (final_depth + 60) * block_time),
        first_nonce=random.choice((0, 1, 1000, 54_321)),
    )


def _endpoint(random: Random, number: int) -> EndpointTraits:
    return EndpointTraits(
        pushes=random.random() < (0.8 if number == 0 else 0.5),
        latency=random.choice((0.02, 0.05, 0.2, 0.5)),
        beyond=random.choice(tuple(Beyond)),
        loose=random.random() < 0.1,
        logs_first=random.random() < 0.3,
        tells_removed=random.random() < 0.7,
        keeps_orphans=random.random() < 0.7,
        vendor=random.randrange(100),
    )
