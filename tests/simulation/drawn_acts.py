"""Draws what people do about alerts into some stories; what else befalls the monitor stays as it is."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tests.simulation.acts import Act
from tests.simulation.drawn_troubles import BEGIN
from tests.simulation.story import Story

FIRST_SEED = 870_000_000
"""Stories of seeds below that were drawn before people acted in any, and stay as they were."""
FIRST_SEED_WITH_PATHWAYS = 880_000_000
"""In stories of seeds below that people silence kinds of alerts alone."""
_WITH_ACTS = 1 / 3
_KINDS = (
    "execute_overdue",
    "execute_overdue",
    "execute_overdue",
    "reconcile_overdue",
    "reconcile_overdue",
    "chain_unobserved",
    "pathway_stalled",
    "bridge_paused",
    "provider_failing",
    "phantom_delivery",
)
_OF_PATHWAYS = 0.6
_SHORTEST, _LONGEST = 60.0, 14_400.0
_OVER_BEFORE = 300.0
"""Seconds before the quiet end in which nobody does anything any more."""


def draw_acts(story: Story) -> Story:
    """The story, in some cases with people who silence alerts, or acknowledge some."""
    random = Random(f"{story.seed} of people")  # noqa: S311
    last = story.quiet_from - _OVER_BEFORE
    if story.seed < FIRST_SEED or random.random() >= _WITH_ACTS or last <= BEGIN + _SHORTEST:
        return story
    drawn = [_act(random, random.uniform(BEGIN, last - _SHORTEST), last) for _ in range(random.randrange(1, 9))]
    if story.seed >= FIRST_SEED_WITH_PATHWAYS:
        domains = [chain.domain for chain in story.chains]
        drawn = [_of_pathways(random, act, domains) if random.random() < _OF_PATHWAYS else act for act in drawn]
    return replace(story, acts=tuple(sorted(drawn, key=lambda act: act.at)))


def _act(random: Random, at: float, last: float) -> Act:
    seconds = min(_SHORTEST * (_LONGEST / _SHORTEST) ** random.random(), last - at)
    ended_after = round(random.uniform(1.0, seconds), 1) if random.random() < 0.3 else None
    return Act(round(at, 1), round(seconds, 1), random.choice(_KINDS), random.random() < 0.5, ended_after)


def _of_pathways(random: Random, act: Act, domains: Sequence[int]) -> Act:
    """What silences a kind then is about one pathway, or those of one chain; some of any kind, a few of everything."""
    origin, destination = random.sample(domains, 2)
    ends = random.choice(((origin, None), (None, destination), (origin, destination), (origin, destination)))
    any_kind, everything = random.random() < 0.6, random.random() < 0.1
    if act.acknowledges:
        return act
    if everything:
        return replace(act, kind=None)
    return replace(act, kind=None if any_kind else act.kind, origin=ends[0], destination=ends[1])
