"""By when a channel must have been told, given what was wrong."""

from dataclasses import replace

import pytest

from tests.soak.disturbances import BOUND, Disturbance, Span, must_be_told_by, spans_of

END = 10_000.0


def trouble(begin: float, end: float, whom: str = "beta") -> Disturbance:
    return Disturbance(Span(begin, end), whom, "trouble")


def test_undisturbed_the_bound_counts_from_when_it_could_be_told() -> None:
    assert must_be_told_by(100, [], END) == 100 + BOUND


def test_a_disturbance_that_begins_after_the_bound_excuses_nothing() -> None:
    assert must_be_told_by(100, [Span(100 + BOUND, 500)], END) == 100 + BOUND


def test_after_a_disturbance_the_bound_counts_from_as_long_again() -> None:
    assert must_be_told_by(100, [Span(90, 120)], END) == 150 + BOUND
    assert must_be_told_by(100, [Span(99 + BOUND, 109 + BOUND)], END) == 119 + 2 * BOUND


def test_what_was_over_long_before_excuses_nothing() -> None:
    assert must_be_told_by(200, [Span(90, 120)], END) == 200 + BOUND


def test_each_further_disturbance_within_the_bound_excuses_anew() -> None:
    assert must_be_told_by(100, [Span(90, 100), Span(120, 130)], END) == 140 + BOUND


def test_nothing_is_owed_that_the_end_of_the_run_cut_short() -> None:
    assert must_be_told_by(100, [], 99 + BOUND) is None


def test_only_those_concerned_disturb() -> None:
    disturbances = [trouble(0, 10, "alpha"), trouble(100, 110, "beta"), trouble(200, 210, "ops")]
    assert spans_of(disturbances, "alpha", "ops") == [Span(0, 10), Span(200, 210)]


@pytest.mark.parametrize(("apart", "spans"), [(BOUND - 1, 1), (BOUND, 2)])
def test_a_calm_shorter_than_the_bound_joins_two_disturbances(apart: float, spans: int) -> None:
    assert len(spans_of([trouble(10 + apart, 50), trouble(0, 10)], "beta")) == spans


def test_a_disturbance_within_another_does_not_shorten_it() -> None:
    assert spans_of([trouble(0, 100), trouble(10, 20)], "beta") == [Span(0, 100)]


def test_an_aftermath_belongs_to_its_disturbance() -> None:
    slow = replace(trouble(0, 10), aftermath=5.0)
    assert spans_of([slow], "beta") == [Span(0, 15)]
