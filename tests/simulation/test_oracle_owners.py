from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import delivered, ended, opened, run, world
from tests.simulation.rules.owners import owners
from tests.simulation.rules.weather import Case
from tests.simulation.trace import Ending, Interval, Life, Trace

ALERT = opened(1312.0, "execute_overdue", "0x01")
RUN = delivered(run(ALERT, ended(ALERT, 1912.0, "executed")))
FIRST = Life(0, Interval(0.0, 1500.0), Ending.KILLED)
REFUSED = Life(1, Interval(1000.0, 1000.1), Ending.REFUSED)
OTHER = Life(1, Interval(1510.0, 4000.0), Ending.NONE)
TAKEN_OVER = replace(
    RUN,
    lives=(FIRST, REFUSED, OTHER),
    alerts=(RUN.alerts[0], replace(RUN.alerts[1], instance=1)),
    messages=(RUN.messages[0], replace(RUN.messages[1], instance=1)),
)


def judged(trace: Trace) -> Verdict:
    return Verdict.of(owners(Case(world(), trace)))


def test_who_takes_over_when_the_first_is_gone_is_right() -> None:
    assert judged(TAKEN_OVER).sound


def test_two_at_work_are_found() -> None:
    early = replace(OTHER, during=Interval(1490.0, 4000.0))
    assert judged(replace(TAKEN_OVER, lives=(FIRST, REFUSED, early))).counts[Wrong.TWICE] == 1


def test_who_is_refused_a_database_of_nobody_is_found() -> None:
    for begin in (1500.0, 1505.0):
        alone = replace(REFUSED, during=Interval(begin, begin + 0.1))
        assert judged(replace(TAKEN_OVER, lives=(FIRST, alone, OTHER))).counts[Wrong.MISSED] == 1


def test_who_is_refused_may_neither_tell_nor_record() -> None:
    first_alert, *alerts = TAKEN_OVER.alerts
    first_message, *messages = TAKEN_OVER.messages
    records = replace(TAKEN_OVER, alerts=(replace(first_alert, instance=1), *alerts))
    tells = replace(TAKEN_OVER, messages=(replace(first_message, instance=1), *messages))
    assert [judged(wrong).counts[Wrong.FALSE] for wrong in (records, tells)] == [1, 1]


def test_who_is_gone_tells_nothing() -> None:
    late = replace(TAKEN_OVER.messages[1], instance=0)
    assert judged(replace(TAKEN_OVER, messages=(TAKEN_OVER.messages[0], late))).counts[Wrong.FALSE] == 1
