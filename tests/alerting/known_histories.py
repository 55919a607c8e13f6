"""Histories that once were told wrongly: each a fault that there was."""

from collections.abc import Callable
from typing import Any

from hypothesis import example

_BURST = {1, 3, 5, 7, 9}
KNOWN: list[list[tuple[str, object]]] = [
    # Before anybody is told: one of a burst becomes critical, ends, and is late again; or that, and its second end.
    [("late", _BURST), ("escalates", {1}), ("arrives", _BURST), ("late", {1})],
    [("late", set(range(10))), ("escalates", {2}), ("arrives", {2}), ("late", {2}), ("arrives", {2})],
    # The same beside a cause: both ends are those of a group's member, and the first waits for the second.
    [("late", {1}), ("escalates", {1}), ("pause", {"stays"}), ("arrives", {1}), ("late", {1}), ("arrives", {1})],
    # And where the group was formed between the two.
    [("late", {1}), ("arrives", {1}), ("late", {1}), ("pause", {"stays"}), *[("takes", "stays")] * 2, ("arrives", {1})],
    # The end of what has a message of its own, for having become critical, waits to be counted when the cause ends.
    [
        ("pause", {"stays"}),
        ("late", {2}),
        ("takes", "stays"),
        ("escalates", {2}),
        ("arrives", {2}),
        ("takes", "stays"),
        ("unpause", None),
    ],
    # The same where it is counted in a digest besides, is late again, or both.
    [
        ("pause", {"changes"}),
        ("late", _BURST),
        ("escalates", _BURST),
        ("arrives", {1}),
        *[("takes", "changes")] * 2,
        ("late", {1}),
        ("unpause", None),
    ],
    # An end that the message of a cause counts is told by another message too: it is known there that it is over.
    [
        ("late", {1}),
        ("escalates", {1}),
        ("pause", {"changes"}),
        ("takes", "changes"),
        ("arrives", {1}),
        ("takes", "changes"),
        ("late", {1}),
        ("passes", 61.0),
        ("takes", "changes"),
        ("arrives", {1}),
    ],
    # What becomes critical during a silence is told as that at its end, also to who knows of it or has it counted.
    [
        ("late", {2}),
        ("takes", "changes"),
        ("takes", "machines"),
        ("silences", {2}),
        ("escalates", {2}),
        ("hears", None),
    ],
    [("late", {2}), ("silences", {2}), ("escalates", {2}), ("pause", {"changes"}), ("hears", None)],
    # A channel may have the message whose answer was lost: its end is told.
    [
        ("pause", {"stays"}),
        ("takes", "stays"),
        ("late", {1}),
        ("asks", "stays"),
        ("passes", 3.0),
        ("loses", "stays"),
        ("unpause", None),
        ("arrives", {1}),
    ],
]


def with_known(test: Callable[..., Any]) -> Callable[..., Any]:
    """The property, tried with these as well."""
    for history in KNOWN:
        test = example(history)(test)
    return test
