from dataclasses import replace

import pytest

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import delivered, ended, opened, run, world
from tests.simulation.rules.links import links
from tests.simulation.rules.terms import takeovers, terms
from tests.simulation.rules.weather import Case
from tests.simulation.trace import Ending, Interval, Life, Message, Sharing, State, Trace

ALERT = opened(1312.0, "execute_overdue", "0x01")
CHANGED = replace(opened(1530.5, "owner_changed", "owner"), instance=1)
PROCESSES = (Life(0, Interval(0.0, 1500.0), Ending.KILLED), Life(1, Interval(0.0, 4000.0), Ending.NONE))
FIRST = Life(0, Interval(0.0, 1500.0), Ending.KILLED)
OTHER = Life(1, Interval(1530.0, 4000.0), Ending.NONE)
SHARING = Sharing(
    takeover_after=30.0,
    terms=(FIRST, OTHER),
    beats=tuple((int(at >= 1530), float(at)) for at in range(0, 4000, 5) if not 1500 < at < 1530),
)
ALONE = delivered(run(ALERT, CHANGED, ended(ALERT, 1912.0, "executed")))
TAKEN_OVER = replace(
    ALONE,
    lives=PROCESSES,
    sharing=SHARING,
    alerts=(*ALONE.alerts[:2], replace(ALONE.alerts[2], instance=1)),
    messages=(ALONE.messages[0], *(replace(message, instance=1) for message in ALONE.messages[1:])),
)


def judged(trace: Trace) -> Verdict:
    case = Case(world(), trace)
    return Verdict.of([*terms(case), *takeovers(case), *links(case)])


def with_terms(*terms_: Life, **changes: object) -> Trace:
    return replace(TAKEN_OVER, sharing=replace(SHARING, terms=terms_, **changes))  # type: ignore[arg-type]


def test_who_takes_over_when_the_owner_is_silent_is_right() -> None:
    assert judged(TAKEN_OVER).sound


def test_who_takes_from_an_owner_that_beats_is_found() -> None:
    kept = replace(FIRST, during=Interval(0.0, 1520.0))
    early = replace(OTHER, during=Interval(1520.0, 4000.0))
    assert judged(with_terms(kept, early)).counts[Wrong.TWICE] == 1


def with_a_gap(**changes: object) -> Trace:
    gone = Life(0, Interval(0.0, 1440.0), Ending.KILLED)
    beats = tuple((instance, at) for instance, at in SHARING.beats if not 1440 < at < 1530)
    alert = replace(TAKEN_OVER.messages[0], at=1313.0)
    trace = with_terms(gone, OTHER, beats=beats, **changes)
    return replace(trace, lives=(gone, PROCESSES[1]), messages=(alert, *trace.messages[1:]))


def test_work_that_nobody_owns_is_found() -> None:
    assert judged(with_a_gap()).counts[Wrong.MISSED] == 1


@pytest.mark.parametrize("why", ["halts", "cut_off"])
def test_an_instance_that_is_away_need_not_own_it(why: str) -> None:
    assert judged(with_a_gap(**{why: ((1, Interval(1440.0, 1500.0)),)})).sound


def test_who_writes_without_the_turn_is_found() -> None:
    assert judged(with_terms(FIRST, OTHER, trespasses=((0, 1540.0),))).counts[Wrong.TWICE] == 1


@pytest.mark.parametrize("at", [1520.0, 1600.0])
def test_who_was_deposed_or_was_silent_for_long_tells_nothing(at: float) -> None:
    sent_late = replace(TAKEN_OVER.messages[0], at=at)
    trace = with_terms(replace(FIRST, during=Interval(0.0, 1530.0)), OTHER)
    assert judged(replace(trace, messages=(*trace.messages, sent_late))).counts[Wrong.FALSE] == 1


def test_what_was_on_its_way_during_a_standstill_is_not_new() -> None:
    sent_late = replace(TAKEN_OVER.messages[0], at=1600.2)
    trace = with_terms(replace(FIRST, during=Interval(0.0, 1530.0)), OTHER, halts=((0, Interval(1499.0, 1600.0)),))
    assert judged(replace(trace, messages=(*trace.messages, sent_late))).sound


def test_a_takeover_is_told_of_and_nothing_else_is() -> None:
    untold = replace(TAKEN_OVER, alerts=(TAKEN_OVER.alerts[0], TAKEN_OVER.alerts[2]))
    assert judged(untold).counts[Wrong.MISSED] == 1
    before = replace(CHANGED, at=700.0, instance=0)
    assert judged(replace(TAKEN_OVER, alerts=(before, *TAKEN_OVER.alerts))).counts[Wrong.FALSE] == 1


def said(at: float, state: State, instance: int) -> Message:
    return replace(TAKEN_OVER.messages[0], at=at, kind="database_failing", state=state, instance=instance)


def test_who_cannot_reach_the_server_says_so_and_when_it_can() -> None:
    cut = with_terms(FIRST, OTHER, cut_off=((0, Interval(700.0, 1200.0)),))
    right = (said(1020.0, State.OPEN, 0), said(1210.0, State.RESOLVED, 0))
    assert judged(replace(cut, messages=right)).sound
    assert judged(replace(cut, messages=())).counts[Wrong.MISSED] == 1
    assert judged(replace(cut, messages=right[:1])).counts[Wrong.FALSE] == 1
    of_other = tuple(replace(message, instance=1) for message in right)
    assert judged(replace(cut, messages=of_other)).counts[Wrong.FALSE] >= 1
