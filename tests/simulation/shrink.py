"""Makes a story that shows something wrong smaller, for as long as it still shows it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from tests.simulation.story import Story

T = TypeVar("T")

Shows = Callable[[Story], bool]
"""Whether a story still shows what is wrong."""

_ALWAYS = frozenset({"chains", "channels"})
"""Of these at least one stays."""


def shrink(story: Story, shows: Shows, most: int = 200) -> Story:
    """The smallest story that is found by playing at most ``most`` smaller ones."""
    return _Shrinking(shows, most).run(story)


class _Shrinking:
    def __init__(self, shows: Shows, most: int) -> None:
        self._shows = shows
        self._left = most

    def run(self, story: Story) -> Story:
        """Shorten it, then leave things out, until neither helps."""
        before: Story | None = None
        while before != story and self._left > 0:
            before = story
            story = self._shortened(story)
            for name in _lists(story):
                story = self._with_fewer(story, name)
        return story

    def _still(self, story: Story) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        return self._shows(story)

    def _shortened(self, story: Story) -> Story:
        """End earlier: by half, by a quarter … of its time."""
        step = story.seconds / 2
        while step > story.seconds / 20 and self._left > 0:
            shorter = ended_at(story, story.seconds - step)
            if self._still(shorter):
                story = shorter
            else:
                step /= 2
        return story

    def _with_fewer(self, story: Story, name: str) -> Story:
        """Leave out parts of one list, halves first, single elements last (Zeller's ddmin, without complements)."""
        elements = list(getattr(story, name))
        size = len(elements)
        while size >= 1 and self._left > 0:
            at = 0
            while at < len(elements):
                fewer = [*elements[:at], *elements[at + size :]]
                changes: dict[str, Any] = {name: tuple(fewer)}
                smaller = replace(story, **changes)
                if (fewer or name not in _ALWAYS) and self._still(smaller):
                    elements, story = fewer, smaller
                else:
                    at += size
            size = min(size // 2, len(elements)) if size > 1 else 0
        return story


def ended_at(story: Story, seconds: float) -> Story:
    """The story up to then, without what would begin later."""
    changes: dict[str, Any] = {
        name: tuple(element for element in getattr(story, name) if getattr(element, "at", 0.0) < seconds)
        for name in _lists(story)
    }
    return replace(story, seconds=seconds, quiet_from=min(story.quiet_from, seconds), **changes)


def _lists(story: Story) -> Iterator[str]:
    """The story's lists, those first of which most can be left out: the faults, then the transfers."""
    names: Sequence[str] = [of.name for of in fields(story) if isinstance(getattr(story, of.name), tuple)]
    yield from sorted(names, key=lambda name: (name in _ALWAYS, name == "transfers"))
