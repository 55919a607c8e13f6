"""Hand-made runs: overdue alerts that are true, and that are not."""

from tests.simulation.findings import Wrong
from tests.simulation.handmade import EPOCH, opened, run, stands, transfer, world
from tests.simulation.oracle import judge
from tests.simulation.trace import Trace
from tests.simulation.truth import Truth


def false_ones(truth: Truth, trace: Trace) -> int:
    return judge(truth, trace).counts[Wrong.FALSE]


def test_a_leg_that_is_late_may_be_alerted() -> None:
    late = transfer(sent=stands(100), executed=stands(900), reconciled=stands(1000))
    alert = opened(412.0, "execute_overdue", late.transfer_id)
    assert false_ones(world(late), run(alert)) == 0


def test_an_alert_before_a_block_past_due_is_false() -> None:
    # Due at 400, which is the stamp of a block: a leg may still stand in that one.
    late = transfer(sent=stands(100), executed=stands(900), reconciled=stands(1000))
    assert late.xcalled[0].where.timestamp == EPOCH + 100
    assert false_ones(world(late), run(opened(401.0, "execute_overdue", late.transfer_id))) == 1


def test_an_alert_about_a_leg_that_arrived_is_false() -> None:
    done = transfer(sent=stands(100), executed=stands(200), reconciled=stands(1000))
    assert false_ones(world(done), run(opened(412.0, "execute_overdue", done.transfer_id))) == 1


def test_an_alert_about_a_transfer_taken_back_is_false() -> None:
    gone = transfer(sent=stands(100, until=200))
    assert false_ones(world(gone), run(opened(412.0, "execute_overdue", gone.transfer_id))) == 1


def test_an_alert_about_no_transfer_is_false() -> None:
    assert false_ones(world(), run(opened(412.0, "execute_overdue", "0x01"))) == 1
