"""How seldom what stays as it is is looked at again."""

from itertools import pairwise

import pytest

from connext_monitor.alerting.judging_pace import JudgingPace

PACE = JudgingPace(ask_again=2.0, look_again=60.0, longest_look_again=900.0)


def test_an_event_that_was_recorded_at_first_is_asked_about_at_once() -> None:
    assert PACE.pause_after_fetch(recorded=True, before=0) == 2.0


@pytest.mark.parametrize("recorded", [False, None])
def test_an_event_that_was_not_found_is_looked_for_a_minute_later(recorded: bool | None) -> None:
    assert PACE.pause_after_fetch(recorded, before=0) == 60.0


@pytest.mark.parametrize("recorded", [True, False, None])
def test_an_event_that_stays_missing_is_looked_for_ever_more_seldom(recorded: bool | None) -> None:
    pauses = [PACE.pause_after_fetch(recorded, before) for before in range(1, 10_000, 3)]
    assert pauses[0] == 60.0
    assert pauses[-1] == 900.0
    assert all(sooner <= later for sooner, later in pairwise(pauses))
