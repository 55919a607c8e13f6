from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import (
    DeadlineState,
    DueDates,
    Durations,
    Leg,
    Verdict,
    due_dates,
    effects,
    judge,
    sighting_of,
    state,
)
from connext_monitor.core.events import Timestamp
from connext_monitor.core.transfer import EventRecord, Sighting, Transfer, fold
from tests.core.made_up import DURATIONS, Sample, block

SAMPLE = Sample(nonce=3)
XCALLED = SAMPLE.xcalled(block(10, at=1000))
EXECUTED = SAMPLE.executed(block(20, at=1020))
RECONCILED = SAMPLE.reconciled(block(30, at=1050))
DUE = Timestamp(1030)
LONG_AFTER = Timestamp(DUE + 1000)


def transfer(*records: EventRecord) -> Transfer:
    folded = fold(records)
    assert folded is not None
    return folded


def seen_at(timestamp: int) -> Sighting:
    return SAMPLE.executed(block(20, at=timestamp)).sighting


def test_leg_is_due_its_duration_after_the_block_of_xcalled() -> None:
    assert due_dates(transfer(XCALLED), DURATIONS) == DueDates(Timestamp(1030), Timestamp(1070))


def test_nothing_is_due_without_an_xcalled() -> None:
    assert due_dates(transfer(EXECUTED), DURATIONS) is None


def test_nothing_is_due_where_nobody_watches() -> None:
    assert due_dates(transfer(XCALLED), None) is None


def test_each_leg_has_its_own_duration_date_and_sighting() -> None:
    whole = transfer(XCALLED, EXECUTED, RECONCILED)
    for leg, seconds, seen in [(Leg.EXECUTE, 30, EXECUTED), (Leg.RECONCILE, 70, RECONCILED)]:
        assert DURATIONS.of(leg) == seconds
        assert DueDates(Timestamp(30), Timestamp(70)).of(leg) == seconds
        assert sighting_of(whole, leg) == seen.sighting


# State


def test_leg_in_a_block_stamped_at_its_due_date_is_met() -> None:
    assert state(seen_at(DUE), DUE, now=DUE, established=False, observed=True) is DeadlineState.MET


def test_leg_in_a_block_one_second_past_its_due_date_is_late() -> None:
    assert state(seen_at(DUE + 1), DUE, now=DUE, established=False, observed=True) is DeadlineState.LATE


def test_leg_that_arrived_is_never_called_overdue_again() -> None:
    assert state(seen_at(DUE + 1), DUE, now=LONG_AFTER, established=True, observed=False) is DeadlineState.LATE


def test_absent_leg_is_overdue_only_once_that_is_established() -> None:
    assert state(None, DUE, now=LONG_AFTER, established=True, observed=True) is DeadlineState.OVERDUE
    assert state(None, DUE, now=LONG_AFTER, established=False, observed=True) is DeadlineState.PENDING


def test_absent_leg_past_due_on_a_chain_out_of_sight_is_unobserved() -> None:
    assert state(None, DUE, now=DUE + 0.001, established=False, observed=False) is DeadlineState.UNOBSERVED


def test_absent_leg_not_yet_past_due_is_pending_even_out_of_sight() -> None:
    assert state(None, DUE, now=DUE, established=False, observed=False) is DeadlineState.PENDING


# Judging


def test_transfer_that_is_not_there_is_withdrawn() -> None:
    assert judge(None, Leg.EXECUTE, DUE, LONG_AFTER, TransferStatus.NONE) is Verdict.WITHDRAWN


def test_transfer_without_xcalled_is_withdrawn_before_anything_else_is_looked_at() -> None:
    assert judge(transfer(EXECUTED), Leg.EXECUTE, DUE, None, None) is Verdict.WITHDRAWN


def test_leg_that_is_there_has_arrived_whatever_the_chain_answers() -> None:
    assert judge(transfer(XCALLED, EXECUTED), Leg.EXECUTE, DUE, None, TransferStatus.NONE) is Verdict.ARRIVED


def test_other_leg_s_arrival_is_not_this_one_s() -> None:
    whole = transfer(XCALLED, EXECUTED)
    assert judge(whole, Leg.RECONCILE, DUE, LONG_AFTER, TransferStatus.EXECUTED) is Verdict.ABSENT


def test_chain_never_covered_accuses_nobody() -> None:
    assert judge(transfer(XCALLED), Leg.EXECUTE, DUE, None, TransferStatus.NONE) is Verdict.NOT_COVERED


def test_watermark_at_the_due_date_does_not_accuse() -> None:
    # Another block may be stamped the same second, and a leg in it is met.
    assert judge(transfer(XCALLED), Leg.EXECUTE, DUE, DUE, TransferStatus.NONE) is Verdict.NOT_COVERED


def test_watermark_one_second_past_the_due_date_accuses() -> None:
    past = Timestamp(DUE + 1)
    assert judge(transfer(XCALLED), Leg.EXECUTE, DUE, past, TransferStatus.NONE) is Verdict.ABSENT


def test_unanswered_question_accuses_nobody() -> None:
    assert judge(transfer(XCALLED), Leg.EXECUTE, DUE, LONG_AFTER, None) is Verdict.NOT_ASKED


@pytest.mark.parametrize(
    ("leg", "done"),
    [
        (Leg.EXECUTE, {TransferStatus.EXECUTED, TransferStatus.COMPLETED}),
        (Leg.RECONCILE, {TransferStatus.RECONCILED, TransferStatus.COMPLETED}),
    ],
)
def test_answer_that_the_leg_is_done_is_a_gap_of_ours_and_any_other_an_absence(
    leg: Leg, done: set[TransferStatus]
) -> None:
    for answer in TransferStatus:
        verdict = judge(transfer(XCALLED), leg, DUE, LONG_AFTER, answer)
        assert verdict is (Verdict.GAP if answer in done else Verdict.ABSENT)


EVENTS = [
    records
    for n in range(8)
    if (records := [r for bit, r in enumerate((XCALLED, EXECUTED, RECONCILED)) if n & (1 << bit)])
]
WATERMARKS = [None, Timestamp(DUE - 1), DUE, Timestamp(DUE + 1)]
DONE = {Leg.EXECUTE: {2, 3}, Leg.RECONCILE: {1, 3}}


def test_only_an_awaited_leg_covered_strictly_past_due_and_denied_by_the_chain_is_absent() -> None:
    for records, leg, watermark, answer in product(EVENTS, Leg, WATERMARKS, [None, *TransferStatus]):
        arrived = (EXECUTED if leg is Leg.EXECUTE else RECONCILED) in records
        accusable = XCALLED in records and not arrived
        covered = watermark is not None and watermark > DUE
        denied = answer is not None and int(answer) not in DONE[leg]
        verdict = judge(transfer(*records), leg, DUE, watermark, answer)
        assert (verdict is Verdict.ABSENT) == (accusable and covered and denied)


@given(st.integers(0, 2**62), st.integers(0, 2**31), st.integers(-(2**31), 2**31))
def test_leg_is_met_exactly_up_to_its_due_date(started: int, execute: int, off: int) -> None:
    called = transfer(SAMPLE.xcalled(block(1, at=started)))
    due = due_dates(called, Durations(execute, execute))
    assert due is not None
    arrived = state(seen_at(due.execute + off), due.execute, now=0, established=False, observed=True)
    assert arrived is (DeadlineState.MET if off <= 0 else DeadlineState.LATE)


def test_transfer_that_does_not_change_has_no_effects() -> None:
    whole = transfer(XCALLED)
    due = due_dates(whole, DURATIONS)
    assert effects(whole, due, whole, due) == []
    assert effects(None, None, None, None) == []
