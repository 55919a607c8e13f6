"""A story that shows something wrong is made as small as it gets."""

from dataclasses import fields

import pytest

from tests.simulation.drawing import draw
from tests.simulation.shrink import ended_at, shrink
from tests.simulation.story import Story

STORY = draw(11, 0.5)
CALLED = STORY.transfers[30]
REORG = STORY.reorgs[0]


def shows(story: Story) -> bool:
    """What a monitor would do that fails at one transfer, if a certain reorg comes before."""
    return CALLED in story.transfers and REORG in story.reorgs


def elements(story: Story) -> int:
    return sum(len(value) for of in fields(story) if isinstance(value := getattr(story, of.name), tuple))


def test_only_what_shows_it_is_left() -> None:
    small = shrink(STORY, shows, most=1000)
    assert (small.transfers, small.reorgs) == ((CALLED,), (REORG,))
    # Beside these there is a chain, and a channel.
    assert elements(small) == 4
    assert small.seconds < max(CALLED.at, REORG.at) + STORY.seconds / 10


@pytest.mark.parametrize("most", [0, 1, 50])
def test_no_more_is_played_than_was_asked_for(most: int) -> None:
    played: list[Story] = []

    def counted(story: Story) -> bool:
        played.append(story)
        return shows(story)

    small = shrink(STORY, counted, most)
    assert len(played) <= most
    assert shows(small)


def test_what_cannot_be_made_smaller_stays() -> None:
    assert shrink(STORY, lambda story: story == STORY) == STORY


def test_a_story_that_ends_sooner_lacks_what_begins_later() -> None:
    sooner = ended_at(STORY, CALLED.at)
    assert sooner.seconds == CALLED.at
    assert sooner.quiet_from <= sooner.seconds
    assert sooner.chains == STORY.chains
    assert 0 < len(sooner.transfers) < len(STORY.transfers)
    assert all(transfer.at < CALLED.at for transfer in sooner.transfers)
