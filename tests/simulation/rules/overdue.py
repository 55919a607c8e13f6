"""Overdue legs: when one may, must and must not be called late (promises 3, 5, 6 and 11)."""

from collections.abc import Iterator

from tests.simulation.findings import Finding, Wrong
from tests.simulation.trace import AlertChange, Interval, State, Trace
from tests.simulation.truth import Standing, TransferTruth, Truth, stood_sometime, stood_throughout

LEGS = {"execute_overdue": "execute", "reconcile_overdue": "reconcile"}

ASKED_BEFORE = 15.0
"""Seconds between the destination's last answer about a leg and the commit that calls it late: the answer's way (one
time-out of 10 s), the search for causes (1 s) and the transaction."""


def false_overdue(truth: Truth, trace: Trace) -> Iterator[Finding]:
    """Each opening that was not true."""
    transfers = {transfer.transfer_id: transfer for transfer in truth.transfers}
    for change in trace.alerts:
        if change.kind in LEGS and change.state is State.OPEN:
            words = _why_false(change, transfers.get(change.subject), truth)
            if words:
                yield Finding(
                    change.at, Wrong.FALSE, "overdue opened", change.subject, f"{change.kind} opened: {words}"
                )


def legs_of(transfer: TransferTruth, kind: str) -> tuple[Standing, ...]:
    """Where the leg of this kind of alert stood."""
    return transfer.executed if kind == "execute_overdue" else transfer.reconciled


def _why_false(change: AlertChange, transfer: TransferTruth | None, truth: Truth) -> str | None:
    """What is wrong with an opening, if anything.

    1. The transfer must exist, and its XCalled have stood at some instant lately.
    2. Its leg must not have stood all the while.
    3. The destination must have had a block stamped later than the deadline, of an XCalled that stood.
    """
    if transfer is None:
        return "no such transfer"
    destination = truth.chain(transfer.destination)
    origin_view = Interval(change.at - ASKED_BEFORE - truth.chain(transfer.origin).stale_by, change.at)
    if not stood_sometime(transfer.xcalled, origin_view):
        return "its XCalled does not stand"
    if stood_throughout(
        legs_of(transfer, change.kind), Interval(change.at - ASKED_BEFORE - destination.stale_by, change.at)
    ):
        return "the leg has arrived"
    duration = truth.execute_deadline if change.kind == "execute_overdue" else truth.reconcile_deadline
    starts = [
        s.where.timestamp
        for s in transfer.xcalled
        if s.during.begin < origin_view.end and origin_view.begin < s.during.end
    ]
    if not any(block.since <= change.at and block.timestamp > min(starts) + duration for block in destination.blocks):
        return "the destination has no block after the deadline"
    return None
