"""Judges a run: what had to be told, what must not be, and what is recorded, against the world's own truth.

Written from ``docs/promises.md`` and ``docs/api.md`` alone. Neither this nor what it imports knows anything of the
monitor, which `tests/simulation/test_oracle_imports.py` holds.
"""

from collections.abc import Callable, Iterable, Iterator

from tests.simulation.findings import Finding, Verdict
from tests.simulation.rules.overdue import false_overdue
from tests.simulation.trace import Trace
from tests.simulation.truth import Truth

Rule = Callable[[Truth, Trace], Iterable[Finding]]

RULES: tuple[Rule, ...] = (false_overdue,)


def judge(truth: Truth, trace: Trace) -> Verdict:
    """Everything that is wrong with the run."""
    return Verdict.of(_findings(truth, trace))


def _findings(truth: Truth, trace: Trace) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule(truth, trace)
