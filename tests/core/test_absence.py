"""What is to be done about a leg that is past due: only established absence accuses (promise 5)."""

from dataclasses import replace
from itertools import product

import pytest

from connext_monitor.core.absence import Evidence, LegRuling, rule
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Awaited, DueDates, Leg
from connext_monitor.core.events import Timestamp
from connext_monitor.core.transfer import EventRecord, Transfer, fold
from tests.world.transfers import BETA, executed, info, reconciled, sighting, xcalled

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


def transfer(*records: EventRecord) -> Transfer | None:
    return fold(records)


def awaited(leg: Leg = Leg.EXECUTE, due_at: Timestamp = DUE) -> Awaited:
    return Awaited(XCALLED.event.transfer_id, leg, due_at, BETA)


def evidence(
    known: Transfer | None, watermark: int | None, answer: TransferStatus | None, leg: Leg = Leg.EXECUTE
) -> Evidence:
    covered = None if watermark is None else Timestamp(watermark)
    return Evidence(awaited(leg), known, DueDates(DUE, DUE), covered, answer)


@pytest.mark.parametrize(
    ("known", "watermark", "answer", "ruling"),
    [
        (None, PAST, TransferStatus.NONE, LegRuling.WITHDRAWN),
        (transfer(RECONCILED), PAST, TransferStatus.NONE, LegRuling.WITHDRAWN),
        (transfer(XCALLED, EXECUTED), PAST, TransferStatus.NONE, LegRuling.ARRIVED),
        (transfer(XCALLED), None, TransferStatus.NONE, LegRuling.NOT_COVERED),
        (transfer(XCALLED), DUE - 1, TransferStatus.NONE, LegRuling.NOT_COVERED),
        (transfer(XCALLED), DUE, TransferStatus.NONE, LegRuling.NOT_COVERED),
        (transfer(XCALLED), PAST, None, LegRuling.NOT_ANSWERED),
        (transfer(XCALLED), PAST, TransferStatus.EXECUTED, LegRuling.EVENT_MISSING),
        (transfer(XCALLED), PAST, TransferStatus.COMPLETED, LegRuling.EVENT_MISSING),
        (transfer(XCALLED), PAST, TransferStatus.RECONCILED, LegRuling.ABSENT),
        (transfer(XCALLED), PAST, TransferStatus.NONE, LegRuling.ABSENT),
    ],
)
def test_the_ruling_on_an_execute_leg(
    known: Transfer | None, watermark: int | None, answer: TransferStatus | None, ruling: LegRuling
) -> None:
    assert rule(evidence(known, watermark, answer)) is ruling


RECORD_SETS = [[], [XCALLED], [EXECUTED], [XCALLED, EXECUTED], [XCALLED, RECONCILED], [XCALLED, EXECUTED, RECONCILED]]


WATERMARKS = (None, *range(DUE - 3, DUE + 4))


@pytest.mark.parametrize("leg", Leg)
@pytest.mark.parametrize("records", RECORD_SETS, ids=lambda records: f"{len(records)}")
def test_nothing_but_established_absence_accuses(records: list[EventRecord], leg: Leg) -> None:
    known = transfer(*records)
    arrived = known is not None and (known.executed if leg is Leg.EXECUTE else known.reconciled) is not None
    for answer, watermark, settles_for, origin_read in product(
        (None, *TransferStatus), WATERMARKS, (-1.0, 0.0, 0.5, 60.0), (True, False)
    ):
        ruling = rule(
            replace(evidence(known, watermark, answer, leg), settles_for=settles_for, origin_read=origin_read)
        )
        stands = known is not None and known.xcalled is not None and origin_read
        covered = watermark is not None and watermark > DUE
        denied = answer is not None and answer not in DONE[leg]
        absent = stands and not arrived and covered and denied
        assert (ruling in {LegRuling.ABSENT, LegRuling.SETTLING}) == absent
        assert (ruling is LegRuling.ABSENT) == (absent and settles_for <= 0)


def test_a_call_that_may_be_gone_accuses_nobody_and_asks_nobody() -> None:
    unsure = replace(evidence(transfer(XCALLED), PAST, None), origin_read=False)
    assert rule(unsure) is LegRuling.ORIGIN_NOT_READ
    assert rule(replace(unsure, answer=TransferStatus.NONE)) is LegRuling.ORIGIN_NOT_READ


def test_a_leg_without_a_deadline_is_withdrawn() -> None:
    assert rule(replace(evidence(transfer(XCALLED), PAST, TransferStatus.NONE), due=None)) is LegRuling.WITHDRAWN


def test_a_deadline_that_a_reorg_moved_is_awaited_anew() -> None:
    later = Timestamp(DUE + 20)
    moved = replace(evidence(transfer(XCALLED), PAST, TransferStatus.NONE), due=DueDates(later, later))
    assert (rule(moved), moved.due_at) == (LegRuling.MOVED, later)
    assert rule(replace(moved, watermark=Timestamp(later + 1))) is LegRuling.ABSENT
