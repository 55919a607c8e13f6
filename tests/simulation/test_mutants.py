"""The table of mutants is true of the package as it is now, and each is found out in the story aimed at it."""

from collections import Counter

import pytest

from tests.simulation.mutants.aimed.table import AIMS, aim_at
from tests.simulation.mutants.hunt import Outcome, hunt, summary
from tests.simulation.mutants.mutant import PACKAGE, Edit, Mutant, named
from tests.simulation.mutants.table import MUTANTS

HUNTED = ("due-is-past", "burst-is-a-flood", "deep-reorg-not-told")
"""One that is a block too early, one about what people read, one about reorgs; all others die by the same command."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_changes_the_package_as_it_is(mutant: Mutant) -> None:
    for file, source in mutant.sources().items():
        assert source != (PACKAGE / file).read_text(encoding="utf-8")
        compile(source, file, "exec")


def test_each_mutant_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1] == []


def test_there_are_enough_mutants() -> None:
    assert len(MUTANTS) >= 40


def test_each_mutant_has_one_story_that_is_aimed_at_it() -> None:
    aimed = Counter(name for aim in AIMS for name in aim.mutants)
    assert aimed == Counter(mutant.name for mutant in MUTANTS)


def test_each_aimed_story_is_short_and_ends_quietly() -> None:
    assert [aim.name for aim in AIMS if aim.days > 0.1] == []
    assert [aim.name for aim in AIMS if aim.story.quiet_from > aim.story.seconds - 600.0] == []


def test_a_name_that_no_mutant_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no such mutant: nobody"):
        named(MUTANTS, ["due-is-past", "nobody"])


def test_an_edit_that_no_longer_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        Edit("core/absence.py", "what nobody wrote", "").of("something else")


@pytest.mark.process
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
