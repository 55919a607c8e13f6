"""When a leg is due, and what its deadline's state is."""

import pytest

from connext_monitor.core.deadline import DeadlineState, due_dates, state
from connext_monitor.core.events import Timestamp
from connext_monitor.core.transfer import fold
from tests.world.transfers import DURATIONS, executed, info, sighting, xcalled

INFO = info()
XCALLED = xcalled(INFO, sighting(10))
EXECUTED = executed(INFO, sighting(20))
DUE = Timestamp(1_700_000_310)
PAST = Timestamp(DUE + 1)


def test_legs_are_due_from_the_block_time_of_xcalled() -> None:
    transfer = fold([XCALLED])
    assert transfer is not None
    due = due_dates(transfer, DURATIONS)
    assert due is not None
    started = XCALLED.sighting.block.timestamp
    assert (due.execute, due.reconcile) == (started + DURATIONS.execute, started + DURATIONS.reconcile)


def test_without_an_xcalled_nothing_is_due() -> None:
    transfer = fold([EXECUTED])
    assert transfer is not None
    assert due_dates(transfer, DURATIONS) is None


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
