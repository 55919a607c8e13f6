"""With how many examples a property is tried where as many as usual are too few, or too many."""

from hypothesis import settings

_USUAL = 30


def examples(count: int) -> settings:
    """So many where others are tried with thirty; where they are tried with fewer, fewer by as much."""
    return settings(max_examples=max(1, count * settings().max_examples // _USUAL))
