"""With how many examples a property is tried where the usual thirty are too few, or too many."""

from hypothesis import settings

_USUAL = 30


def examples(count: int) -> settings:
    """So many in the whole lane; in a lane that tries fewer, fewer by as much."""
    return settings(max_examples=max(1, count * settings().max_examples // _USUAL))
