"""Draws what the diamonds of a story say besides transfers; what else goes wrong in it stays as it is."""

from dataclasses import replace
from random import Random

from tests.simulation.sayings import OF_ITS_OWN, BridgeChange, Pause, Saying
from tests.simulation.story import Story

_WITH_CHANGES, _FOUND_PAUSED = 1 / 2, 1 / 12
"""Of all stories."""
_SAID = tuple(says for says in Saying if says not in OF_ITS_OWN)
_LAST_SENT = 120.0
"""Seconds before the quiet end after which nothing is sent any more."""


def draw_changes(story: Story) -> Story:
    """The story, in some cases with changes of its bridge, or with a diamond that is paused when it begins."""
    random = Random(f"{story.seed} of the bridge")  # noqa: S311
    last = story.quiet_from - _LAST_SENT
    changes = []
    if random.random() < _WITH_CHANGES:
        changes = [_change(random, story, random.uniform(0.0, last)) for _ in range(random.randrange(1, 6))]
    pauses = story.pauses
    if random.random() < _FOUND_PAUSED:
        at, end = -random.uniform(60.0, 1800.0), random.uniform(0.0, last)
        pauses = (Pause(random.choice(story.chains).domain, round(at, 1), round(end - at, 1)), *pauses)
    return replace(story, pauses=pauses, bridge_changes=tuple(sorted(changes, key=lambda change: change.at)))


def _change(random: Random, story: Story, at: float) -> BridgeChange:
    says = [random.choice(_SAID) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    if random.random() < 0.2:
        says.append(says[0])  # the same once more
    return BridgeChange(random.choice(story.chains).domain, round(at, 1), tuple(says))
