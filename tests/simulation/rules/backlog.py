"""How long what is to be told waits for what has to be told before it."""

from collections.abc import Iterable

from tests.simulation.trace import AlertChange

ANSWERED_WITHIN = 0.5
"""Seconds in which a channel that is well answers; it is told one thing after the other."""


def waits(changes: Iterable[AlertChange]) -> dict[AlertChange, float]:
    """Seconds that may pass from each of these changes until those are told that came before it or with it."""
    over, until = dict[AlertChange, float](), 0.0
    ordered = sorted(changes, key=lambda change: change.at)
    for change in ordered:
        until = max(until, change.at) + ANSWERED_WITHIN
        over[change] = until
    # Of those that come together each may be the last.
    last = {change.at: over[change] for change in ordered}
    return {change: last[change.at] - change.at for change in ordered}
