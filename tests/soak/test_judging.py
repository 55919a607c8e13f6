"""What counts as missed, false, told twice, late, or different."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.channel import Taken
from tests.soak.disturbances import BOUND, PROCESS, Disturbance, Span
from tests.soak.evidence import EXECUTE, RECONCILE, Evidence, Leg, StoredAlert
from tests.soak.judging import SoakVerdict, judge
from tests.soak.reorgs import Reorg

DUE = 1_000
SOON = DUE + 3.0
LATE = Leg("0x01", EXECUTE, "alpha", "beta", DUE, None)
ARRIVED = replace(LATE, arrived=DUE + 100)
IN_TIME = replace(LATE, arrived=DUE)
ALERT = StoredAlert("a1", EXECUTE, "0x01", SOON, None, None)
RESOLVED = replace(ALERT, resolved=DUE + 104.0, resolution="executed")
OPENED = Taken(SOON, "opened", "a1", EXECUTE, "0x01", answered=True)
ENDED = Taken(DUE + 105.0, "resolved", "a1", EXECUTE, "0x01", answered=True)
UNOBSERVED = StoredAlert("c1", "chain_unobserved", "beta", 2_000.0, 2_100.0, "observed")
FAILING = StoredAlert("p1", "provider_failing", "ops", 2_000.0, 2_100.0, "recovered")


def evidence(
    legs: Sequence[Leg] = (),
    alerts: Sequence[StoredAlert] = (),
    taken: Sequence[Taken] = (),
    disturbances: Sequence[Disturbance] = (),
) -> Evidence:
    return Evidence(legs, alerts, {"ops": taken}, disturbances, unobserved_after=45.0, end=DUE + 5_000.0)


def wrong(*args: Any) -> dict[str, int]:
    return {name: count for name, count in judge(evidence(*args)).counts.items() if count}


def trouble(begin: float, end: float, whom: str, *, blinds: bool = False, forgets: bool = False) -> Disturbance:
    return Disturbance(Span(begin, end), whom, "trouble", blinds=blinds, forgets=forgets)


def test_a_late_leg_that_is_told_once_and_soon_is_right() -> None:
    verdict = judge(evidence([LATE], [ALERT], [OPENED]))
    assert verdict.is_clean
    assert verdict.delays == [3.0]


def test_a_leg_that_arrives_late_is_told_and_ended() -> None:
    assert wrong([ARRIVED], [RESOLVED], [OPENED, ENDED]) == {}


def test_a_leg_in_time_is_told_nowhere() -> None:
    assert wrong([IN_TIME]) == {}


# Missed


def test_a_late_leg_without_an_alert_is_missed_and_differs() -> None:
    assert wrong([LATE]) == {"missed": 1, "records that differ": 1}


def test_an_alert_that_no_channel_got_is_missed() -> None:
    assert wrong([LATE], [ALERT]) == {"missed": 1}


def test_an_end_that_is_not_told_is_missed() -> None:
    assert wrong([ARRIVED], [RESOLVED], [OPENED]) == {"missed": 1}


def test_a_leg_that_arrived_while_all_was_dark_may_go_untold() -> None:
    assert wrong([ARRIVED], [], [], [trouble(DUE, DUE + 90, "beta")]) == {}


def test_a_chain_out_of_sight_for_long_must_be_reported() -> None:
    outage = trouble(2_000, 2_100, "beta", blinds=True)
    assert wrong([], [], [], [outage]) == {"missed": 1}
    assert wrong([], [UNOBSERVED], [], [outage]) == {}
    assert wrong([], [], [], [outage, trouble(2_050, 2_060, PROCESS)]) == {}


# False


def test_an_accusation_of_a_leg_that_came_in_time_is_false() -> None:
    assert wrong([IN_TIME], [RESOLVED], [OPENED, replace(ENDED, at=SOON + 1)]) == {"false": 1}


def test_an_accusation_before_the_deadline_is_false() -> None:
    assert wrong([LATE], [replace(ALERT, opened=float(DUE))], [OPENED]) == {"false": 1}


def test_an_accusation_too_early_is_false_though_it_opened_anew() -> None:
    messages = [replace(OPENED, at=DUE - 2.0), replace(ENDED, at=DUE - 1.0), replace(OPENED, at=SOON)]
    reorged = replace(evidence([LATE], [ALERT], messages), reorgs=[Reorg(DUE - 10, "alpha", 1)])
    assert {name: count for name, count in judge(reorged).counts.items() if count} == {"false": 1}


def test_an_accusation_long_after_the_arrival_is_false() -> None:
    after = replace(RESOLVED, opened=ARRIVED.arrived + BOUND + 1.0)  # type: ignore[operator]
    messages = [replace(OPENED, at=after.opened), replace(ENDED, at=after.opened + 1)]
    assert wrong([ARRIVED], [after], messages)["false"] == 1
    dark = trouble(DUE - 100, DUE + 200, "beta")
    assert wrong([ARRIVED], [after], messages, [dark]) == {}


def test_an_accusation_of_what_nobody_sent_is_false() -> None:
    assert wrong([], [ALERT]) == {"false": 1}


@pytest.mark.parametrize("kind", ["phantom_delivery", "delivery_mismatch", "deep_reorg", "monitor_started_blind"])
def test_kinds_that_nothing_justifies_are_false(kind: str) -> None:
    assert wrong([], [replace(UNOBSERVED, kind=kind)]) == {"false": 1}


def test_a_chain_that_had_an_honest_endpoint_was_not_out_of_sight() -> None:
    assert wrong([], [UNOBSERVED], [], [trouble(1_950, 2_010, "beta")]) == {"false": 1}
    assert wrong([], [UNOBSERVED], [], [trouble(1_950, 2_010, "alpha", blinds=True)]) == {"false": 1}
    assert wrong([], [UNOBSERVED], [], [trouble(1_800, 1_900, "beta", blinds=True)])["false"] == 1
    assert wrong([], [UNOBSERVED], [], [trouble(1_950, 2_010, "beta", blinds=True)]) == {}


def test_a_channel_that_worked_was_not_failing() -> None:
    assert wrong([], [FAILING]) == {"false": 1}
    assert wrong([], [FAILING], [], [trouble(1_930, 2_010, "ops")]) == {}


# Told twice


def test_a_message_that_comes_again_for_no_reason_is_told_twice() -> None:
    assert wrong([LATE], [ALERT], [OPENED, replace(OPENED, at=SOON + 50)]) == {"told twice": 1}


def test_a_message_whose_answer_was_lost_may_come_again() -> None:
    assert wrong([LATE], [ALERT], [replace(OPENED, answered=False), replace(OPENED, at=SOON + 2)]) == {}


def test_a_kill_excuses_a_repetition_only_near_it() -> None:
    again = [OPENED, replace(OPENED, at=SOON + 100)]
    assert wrong([LATE], [ALERT], again, [trouble(SOON + 5, SOON + 20, PROCESS, forgets=True)]) == {}
    assert wrong([LATE], [ALERT], again, [trouble(SOON + 50, SOON + 60, PROCESS, forgets=True)]) == {"told twice": 1}


def test_a_clean_stop_excuses_no_repetition() -> None:
    again = [OPENED, replace(OPENED, at=SOON + 100)]
    assert wrong([LATE], [ALERT], again, [trouble(SOON + 5, SOON + 20, PROCESS)]) == {"told twice": 1}


def test_an_alert_that_a_reorg_opened_again_is_told_again() -> None:
    messages = [OPENED, ENDED, replace(OPENED, at=SOON + 200), replace(ENDED, at=SOON + 300)]

    def judged(taken: Sequence[Taken], *reorgs: Reorg) -> int:
        return judge(replace(evidence([ARRIVED], [RESOLVED], taken), reorgs=reorgs)).counts["told twice"]

    assert judged(messages, Reorg(DUE + 150, "beta", 1)) == 0
    assert (
        judged(messages)
        == judged(messages, Reorg(DUE + 150, "gamma", 1))
        == judged(messages, Reorg(DUE + 900, "beta", 1))
        == 2
    )
    assert judged([OPENED, replace(OPENED, at=SOON + 200)], Reorg(DUE + 150, "beta", 1)) == 1


def test_two_alerts_about_one_leg_are_told_twice() -> None:
    assert wrong([LATE], [ALERT, replace(ALERT, id="a2")], [OPENED]) == {"told twice": 1}


# Late


def test_what_is_told_after_the_bound_is_late() -> None:
    assert wrong([LATE], [ALERT], [replace(OPENED, at=DUE + BOUND + 1)]) == {"late": 1}
    assert wrong([ARRIVED], [RESOLVED], [OPENED, replace(ENDED, at=DUE + 101 + BOUND)]) == {"late": 1}


@pytest.mark.parametrize("whom", [PROCESS, "alpha", "beta", "ops"])
def test_what_was_disturbed_may_be_told_later(whom: str) -> None:
    messages = [replace(OPENED, at=DUE + 50.0)]
    assert wrong([LATE], [ALERT], messages, [trouble(DUE - 5, DUE + 25, whom)]) == {}


def test_what_concerns_others_excuses_no_delay() -> None:
    messages = [replace(OPENED, at=DUE + 50.0)]
    assert wrong([LATE], [ALERT], messages, [trouble(DUE - 5, DUE + 25, "another")]) == {"late": 1}


# At rest


def test_an_alert_must_end_as_its_leg_did() -> None:
    assert wrong([LATE], [RESOLVED], [OPENED]) == {"records that differ": 1}
    assert wrong([ARRIVED], [ALERT], [OPENED, ENDED]) == {"records that differ": 1}
    assert wrong([ARRIVED], [replace(RESOLVED, resolution="reorged")], [OPENED, ENDED]) == {"records that differ": 1}


def test_a_reconciliation_ends_by_its_own_word() -> None:
    leg = replace(ARRIVED, kind=RECONCILE)
    alert = replace(RESOLVED, kind=RECONCILE, resolution="reconciled")
    messages = [replace(OPENED, kind=RECONCILE), replace(ENDED, kind=RECONCILE)]
    assert wrong([leg], [alert], messages) == {}


def test_nothing_is_left_open_that_is_over() -> None:
    outage = trouble(1_950, 2_010, "beta", blinds=True)
    still = replace(UNOBSERVED, resolved=None, resolution=None)
    assert wrong([], [still], [], [outage]) == {"records that differ": 1}


def test_a_verdict_without_faults_is_clean() -> None:
    assert SoakVerdict().is_clean
    assert not SoakVerdict(late=["so"]).is_clean
