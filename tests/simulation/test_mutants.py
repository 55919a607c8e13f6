"""The table of mutants is true of the package as it is now, and each has a story aimed at it."""

from collections import Counter

import pytest

from tests.simulation.mutants.aimed.table import AIMS
from tests.simulation.mutants.mutant import PACKAGE, Edit, Mutant, named
from tests.simulation.mutants.table import MUTANTS


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
    assert [aim.name for aim in AIMS if aim.days > 0.1 and aim.name != "noted"] == []  # which happens after a day
    assert [aim.name for aim in AIMS if aim.story.quiet_from > aim.story.seconds - 600.0] == []


def test_a_name_that_no_mutant_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no such mutant: nobody"):
        named(MUTANTS, ["due-is-past", "nobody"])


def test_an_edit_that_no_longer_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        Edit("core/absence.py", "what nobody wrote", "").of("something else")
