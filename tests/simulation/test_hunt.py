"""Mutants of the monitor are found out in the stories aimed at them, in processes that play them side by side."""

from tests.simulation.mutants.aimed.table import aim_at
from tests.simulation.mutants.hunt import Outcome, hunt, summary
from tests.simulation.mutants.mutant import named
from tests.simulation.mutants.table import MUTANTS

HUNTED = ("due-is-past", "burst-is-a-flood", "left-out-is-gone")
"""One that is a block too early, one about what people read, one about reorgs; all others die by the same command."""


def test_mutants_are_found_out_and_the_monitor_is_found_sound() -> None:
    outcomes = list(hunt(HUNTED))
    assert [str(outcome) for outcome in outcomes if not outcome.is_right] == []
    assert {outcome.mutant.name for outcome in outcomes if outcome.mutant} == set(HUNTED)
    assert summary(outcomes).startswith("3 of 3 killed")


def test_a_mutant_that_nothing_is_found_wrong_with_has_survived() -> None:
    aim, mutant = aim_at("due-is-past"), named(MUTANTS, ["due-is-past"])[0]
    survived = Outcome(aim, mutant, None, 1.0)
    assert (survived.is_right, "SURVIVED" in str(survived)) == (False, True)
    assert summary([survived]).startswith("0 of 1 killed")
