"""When a leg is due, late, or called absent (promise 5)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import DeadlineState, Leg, Verdict, due_dates, judge, state
from connext_monitor.core.events import Timestamp
from connext_monitor.core.transfer import Transfer, fold
from tests.world.transfers import DURATIONS, executed, info, reconciled, sighting, xcalled

INFO = info()
XCALLED = xcalled(INFO, sighting(10))
EXECUTED = executed(INFO, sighting(20))
RECONCILED = reconciled(INFO, sighting(30))
DUE = Timestamp(1_700_000_310)
PAST = Timestamp(DUE + 1)
DONE = {
    Leg.EXECUTE: {TransferStatus.EXECUTED, TransferStatus.COMPLETED},
    Leg.RECONCILE: {TransferStatus.RECONCILED, TransferStatus.COMPLETED},
}


def transfer(*records: object) -> Transfer | None:
    return fold(records)  # type: ignore[arg-type]


def test_legs_are_due_from_the_block_time_of_xcalled() -> None:
    found = fold([XCALLED])
    assert found is not None
    due = due_dates(found, DURATIONS)
    assert due is not None
    started = XCALLED.sighting.block.timestamp
    assert (due.execute, due.reconcile) == (started + DURATIONS.execute, started + DURATIONS.reconcile)


def test_without_an_xcalled_nothing_is_due() -> None:
    found = fold([EXECUTED])
    assert found is not None
    assert due_dates(found, DURATIONS) is None


@pytest.mark.parametrize(
    ("arrived_at", "expected"), [(DUE - 1, DeadlineState.MET), (DUE, DeadlineState.MET), (PAST, DeadlineState.LATE)]
)
def test_a_leg_in_a_block_stamped_due_at_is_met(arrived_at: int, expected: DeadlineState) -> None:
    assert state(sighting(1, arrived_at), DUE, DUE + 99, established=False, observed=True) is expected


@pytest.mark.parametrize(
    ("now", "established", "observed", "expected"),
    [
        (DUE - 1, False, True, DeadlineState.PENDING),
        (DUE + 9, False, True, DeadlineState.PENDING),
        (DUE + 9, True, True, DeadlineState.OVERDUE),
        (DUE + 9, True, False, DeadlineState.OVERDUE),
        (DUE + 9, False, False, DeadlineState.UNOBSERVED),
        (DUE - 1, False, False, DeadlineState.PENDING),
    ],
)
def test_the_state_of_a_leg_that_has_not_arrived(
    now: int, established: bool, observed: bool, expected: DeadlineState
) -> None:
    assert state(None, DUE, now, established=established, observed=observed) is expected


@pytest.mark.parametrize(
    ("found", "watermark", "answer", "verdict"),
    [
        (None, PAST, TransferStatus.NONE, Verdict.WITHDRAWN),
        (transfer(RECONCILED), PAST, TransferStatus.NONE, Verdict.WITHDRAWN),
        (transfer(XCALLED, EXECUTED), PAST, TransferStatus.NONE, Verdict.ARRIVED),
        (transfer(XCALLED), None, TransferStatus.NONE, Verdict.NOT_COVERED),
        (transfer(XCALLED), Timestamp(DUE - 1), TransferStatus.NONE, Verdict.NOT_COVERED),
        (transfer(XCALLED), DUE, TransferStatus.NONE, Verdict.NOT_COVERED),
        (transfer(XCALLED), PAST, None, Verdict.NOT_ASKED),
        (transfer(XCALLED), PAST, TransferStatus.EXECUTED, Verdict.GAP),
        (transfer(XCALLED), PAST, TransferStatus.COMPLETED, Verdict.GAP),
        (transfer(XCALLED), PAST, TransferStatus.RECONCILED, Verdict.ABSENT),
        (transfer(XCALLED), PAST, TransferStatus.NONE, Verdict.ABSENT),
    ],
)
def test_the_verdict_on_an_execute_leg(
    found: Transfer | None, watermark: Timestamp | None, answer: TransferStatus | None, verdict: Verdict
) -> None:
    assert judge(found, Leg.EXECUTE, DUE, watermark, answer) is verdict


RECORD_SETS = [[], [XCALLED], [EXECUTED], [XCALLED, EXECUTED], [XCALLED, RECONCILED], [XCALLED, EXECUTED, RECONCILED]]


@pytest.mark.parametrize(
    ("records", "leg", "answer"),
    list(product(RECORD_SETS, Leg, [None, *TransferStatus])),
    ids=lambda value: str(value)[:12],
)
@given(watermark=st.none() | st.integers(DUE - 3, DUE + 3))
def test_nothing_but_established_absence_accuses(
    records: list[object], leg: Leg, answer: TransferStatus | None, watermark: int | None
) -> None:
    found = transfer(*records)
    verdict = judge(found, leg, DUE, Timestamp(watermark) if watermark is not None else None, answer)
    stands = found is not None and found.xcalled is not None
    arrived = found is not None and (found.executed if leg is Leg.EXECUTE else found.reconciled) is not None
    covered = watermark is not None and watermark > DUE
    denied = answer is not None and answer not in DONE[leg]
    assert (verdict is Verdict.ABSENT) == (stands and not arrived and covered and denied)
