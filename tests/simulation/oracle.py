"""Judges a run: what had to be told, what must not be, and what is recorded, against the world's own truth.

Written from ``docs/promises.md`` and ``docs/api.md`` alone. Neither this nor what it imports knows anything of the
monitor, which `tests/simulation/test_oracle_imports.py` holds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from tests.simulation.facts import ChainFacts
from tests.simulation.findings import Finding, Verdict
from tests.simulation.rules.acts import acts
from tests.simulation.rules.bridge import bridge_changes, pauses
from tests.simulation.rules.bridge_records import bridge_records
from tests.simulation.rules.kinds import backups, deep_reorgs, lost_history, mismatches, phantoms
from tests.simulation.rules.links import links
from tests.simulation.rules.liquidity import liquidity
from tests.simulation.rules.lost import remembered
from tests.simulation.rules.outages import channels, database
from tests.simulation.rules.overdue import overdue
from tests.simulation.rules.owners import owners
from tests.simulation.rules.records import records
from tests.simulation.rules.router_silence import router_silence
from tests.simulation.rules.sight import sight, silence
from tests.simulation.rules.stalls import stalls
from tests.simulation.rules.telling import telling
from tests.simulation.rules.terms import takeovers, terms
from tests.simulation.rules.weather import Case
from tests.simulation.rules.wording import wording
from tests.simulation.story import Story
from tests.simulation.trace import Trace
from tests.simulation.truth import Truth
from tests.simulation.world_truth import truth_of

Rule = Callable[[Case], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    overdue,
    sight,
    silence,
    mismatches,
    phantoms,
    deep_reorgs,
    lost_history,
    backups,
    pauses,
    bridge_changes,
    stalls,
    liquidity,
    router_silence,
    channels,
    database,
    telling,
    acts,
    owners,
    terms,
    links,
    takeovers,
    wording,
    records,
    bridge_records,
)


def judge(story: Story, facts: Mapping[int, ChainFacts], trace: Trace) -> Verdict:
    """Everything that is wrong with a run of this story, of whose chains this was true."""
    return judge_truth(truth_of(story, facts), trace)


def judge_truth(truth: Truth, trace: Trace) -> Verdict:
    """Everything that is wrong with a run in this world."""
    return Verdict.of(_findings(Case(remembered(Case(truth, trace)), trace)))


def _findings(case: Case) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule(case)
