"""Hand-made runs: what alerts say of themselves."""

from dataclasses import replace

from tests.simulation.findings import Wrong
from tests.simulation.handmade import ended, opened, run, stands, transfer, world
from tests.simulation.oracle import judge_truth
from tests.simulation.rules.weather import Case
from tests.simulation.rules.wording import wording
from tests.simulation.trace import AlertChange, Interval

LATE = transfer(sent=stands(1000), executed=stands(1900), reconciled=stands(2000))
ALERT = opened(1312.0, "execute_overdue", LATE.transfer_id)


def count_of(*changes: AlertChange) -> int:
    findings = list(wording(Case(world(LATE), run(*changes))))
    assert judge_truth(world(LATE), run(*changes)).counts[Wrong.FALSE] >= len(findings)
    return len(findings)


def test_an_alert_says_how_serious_it_is() -> None:
    assert count_of(ALERT) == 0
    assert count_of(replace(ALERT, severity="info")) == 1


def test_an_alert_says_how_it_ended() -> None:
    assert count_of(ALERT, ended(ALERT, 1912.0, "executed")) == 0
    assert count_of(ALERT, ended(ALERT, 1812.0, "executed")) == 1
    assert count_of(ALERT, ended(ALERT, 1912.0, "reorged")) == 1
    assert count_of(ALERT, ended(ALERT, 1912.0, "recovered")) == 1


def test_what_a_reorg_took_while_the_disk_was_full_ends_no_alert() -> None:
    trace = replace(run(ALERT, ended(ALERT, 2110.0, "executed")), disk_failing=(Interval(1890.0, 2105.0),))
    for until, wrong in ((1950.0, 1), (2105.0, 0)):
        gone = replace(LATE, executed=(stands(1900, until=until),))
        assert len(list(wording(Case(world(gone), trace)))) == wrong
