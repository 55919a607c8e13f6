"""Draws that the only endpoint of a chain is slow for long: its blocks are read now and then, all of them hardly ever.

So it is neither in sight nor out of it, and legs of transfers from there wait for that.
"""

from dataclasses import replace
from random import Random

from tests.simulation.drawn_troubles import BEGIN, lasting
from tests.simulation.story import EndpointFault, Story
from tests.simulation.troubles import EndpointTrouble

FIRST_SEED = 910_000_000
"""Stories of seeds below stay as they were."""
_WITH_SLOW = 2 / 3
"""Of the stories with a chain that has one endpoint only."""
_SECONDS = (4.0, 6.0, 8.0, 9.0)
"""For an answer, beside what it takes anyway; after ten it is given up."""
_TIMES = 3


def draw_slow(story: Story) -> Story:
    """The story, with such an endpoint for some minutes up to two hours, some times over."""
    random = Random(f"{story.seed} of slow endpoints")  # noqa: S311
    lonely = [chain for chain in story.chains if len(chain.endpoints) == 1]
    if story.seed < FIRST_SEED or not lonely or random.random() >= _WITH_SLOW:
        return story
    drawn = []
    for _ in range(_TIMES):
        chain, seconds = random.choice(lonely), 2 * story.deadlines.unobserved_after + lasting(random, 7200.0)
        last = story.quiet_from - seconds - 1.0
        if last > BEGIN:
            at = round(random.uniform(BEGIN, last), 1)
            trouble = EndpointTrouble.SLOW
            drawn.append(EndpointFault(chain.domain, 0, at, seconds, trouble, random.choice(_SECONDS)))
    faults = sorted([*story.endpoint_faults, *drawn], key=lambda fault: fault.at)
    return replace(story, endpoint_faults=tuple(faults))
