"""Hand-made runs: overdue alerts that are true and complete, and that are not."""

from dataclasses import replace
from typing import Any

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import EPOCH, ended, lives, opened, run, stands, transfer, world
from tests.simulation.rules.overdue import overdue
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval, Trace
from tests.simulation.truth import TransferTruth, Truth

EXECUTE, RECONCILE = "execute_overdue", "reconcile_overdue"


def judged(truth: Truth, trace: Trace) -> Verdict:
    return Verdict.of(overdue(Case(truth, trace)))


def counted(wrong: Wrong, truth: Truth, trace: Trace) -> int:
    return judged(truth, trace).counts[wrong]


def late(executed_at: float = 900) -> TransferTruth:
    """Sent at 1000, so due at 1300."""
    return transfer(sent=stands(1000), executed=stands(1000 + executed_at), reconciled=stands(1500))


def alerted(at: float, until: float | None) -> list[AlertChange]:
    alert = opened(at, EXECUTE, late().transfer_id)
    return [alert] if until is None else [alert, ended(alert, until, "executed")]


def test_a_late_leg_that_is_alerted_and_resolved_is_all_right() -> None:
    assert judged(world(late()), run(*alerted(1312.0, 1910.0))).sound


def test_an_alert_before_a_block_past_due_is_false() -> None:
    # The block at the deadline itself may still hold the leg.
    assert late().xcalled[0].where.timestamp == EPOCH + 1000
    assert counted(Wrong.FALSE, world(late()), run(*alerted(1309.0, 1910.0))) == 1
    assert counted(Wrong.FALSE, world(late()), run(*alerted(1310.5, 1910.0))) == 0


def test_an_alert_about_a_leg_that_arrived_is_false() -> None:
    assert counted(Wrong.FALSE, world(late(200)), run(*alerted(1312.0, 1313.0))) == 1


def test_a_leg_that_the_node_asked_had_not_yet_may_be_late() -> None:
    truth = world(late(310))
    alpha, beta = truth.chains
    trouble = Interval(1200.0, 1500.0)
    for uneven, wrong in (((), 1), (((trouble, 10.0),), 1), (((trouble, 20.0),), 0)):
        behind = replace(truth, chains=(alpha, replace(beta, uneven=uneven)))
        assert counted(Wrong.FALSE, behind, run(*alerted(1340.0, 1341.0))) == wrong


def test_a_leg_that_came_mangled_may_be_read_with_the_next_cover() -> None:
    seldom = replace(world(late()), unobserved_after=1200.0)
    alpha, beta = seldom.chains
    mangled = replace(seldom, chains=(alpha, replace(beta, troubled=(Interval(1850.0, 1950.0),))))
    for truth, until, wrong in ((seldom, 2500.0, 1), (mangled, 2500.0, 0), (mangled, 2900.0, 1)):
        assert counted(Wrong.FALSE, truth, run(*alerted(1312.0, until))) == wrong


def test_a_call_that_came_mangled_may_be_read_with_its_nonce() -> None:
    seldom = replace(world(late()), unobserved_after=200.0)
    alpha, beta = seldom.chains
    trouble = (Interval(900.0, 1200.0),)
    cut_short = replace(alpha, troubled=trouble, blurred=trouble, mangling=trouble)
    unread, elsewhere = (
        replace(seldom, chains=(cut_short, beta)),
        replace(seldom, chains=(replace(cut_short, blurred=()), beta)),
    )
    for truth, at, wrong in ((elsewhere, 1400.0, 1), (unread, 1400.0, 0), (unread, 1540.0, 1)):
        assert counted(Wrong.LATE, truth, run(*alerted(at, 1910.0))) == wrong


def test_an_alert_about_a_transfer_taken_back_is_false() -> None:
    gone = transfer(sent=stands(1000, until=1100))
    assert counted(Wrong.FALSE, world(gone), run(*alerted(1312.0, 1313.0))) == 1


def test_what_is_taken_back_unproven_may_be_accused() -> None:
    gone = world(transfer(sent=stands(1000, until=1100)))
    alpha, beta = gone.chains
    unproven = Interval(1050.0, 1400.0)
    blurred = replace(gone, chains=(replace(alpha, troubled=(unproven,), blurred=(unproven,)), beta))
    assert counted(Wrong.FALSE, blurred, run(*alerted(1312.0, 1313.0))) == 0


def out_of_sight(taken_at: float, unread: Interval, **changes: Any) -> Truth:
    """A call that is due at 1300, of an origin out of sight, where people wait 600 s for a chain to be seen again."""
    gone = replace(world(transfer(sent=stands(1000, until=taken_at))), unobserved_after=600.0)
    alpha, beta = gone.chains
    blind = replace(alpha, final_depth=50, final=(), troubled=(unread,), blind=(unread,), unseen=(unread,))
    return replace(gone, chains=(replace(blind, **changes), beta))


def test_a_call_taken_unseen_before_it_was_due_is_not_late() -> None:
    for taken_at, wrong in ((1290.0, 1), (1311.0, 0)):
        silent = out_of_sight(taken_at, Interval(1250.0, 1500.0))
        assert counted(Wrong.FALSE, silent, run(*alerted(1330.0, 1510.0))) == wrong


def test_a_call_of_an_origin_long_out_of_sight_may_be_late() -> None:
    for begin, wrong in ((1050.0, 1), (1020.0, 0)):
        silent = out_of_sight(1100.0, Interval(begin, 1500.0))
        assert counted(Wrong.FALSE, silent, run(*alerted(1330.0, 1510.0))) == wrong


def test_a_call_taken_long_before_by_a_slow_origin_may_be_late() -> None:
    slow, nowhere = Interval(1020.0, 1500.0), {"blind": (), "blurred": ()}
    for unseen, wrong in (((slow,), 0), ((Interval(1050.0, 1500.0),), 1), ((), 1)):
        silent = out_of_sight(1100.0, slow, unseen=unseen, **nowhere)
        assert counted(Wrong.FALSE, silent, run(*alerted(1330.0, 1510.0))) == wrong


def test_a_final_call_taken_unseen_may_be_late() -> None:
    final_at = stands(1000).where.block_number
    for final, wrong in (((1240.0, final_at - 1), 1), ((1291.0, final_at), 1), ((1240.0, final_at), 0)):
        silent = out_of_sight(1290.0, Interval(1250.0, 1500.0), final=(final,))
        assert counted(Wrong.FALSE, silent, run(*alerted(1330.0, 1510.0))) == wrong


def test_a_call_that_an_endpoint_called_final_may_be_late() -> None:
    for until, wrong in ((1000.0, 1), (1260.0, 0)):
        silent = out_of_sight(1290.0, Interval(1250.0, 1500.0), all_final=(Interval(900.0, until),))
        assert counted(Wrong.FALSE, silent, run(*alerted(1330.0, 1510.0))) == wrong


def test_an_origin_is_out_of_sight_also_of_a_process_before() -> None:
    silent = out_of_sight(1290.0, Interval(1250.0, 1500.0))
    for stopped, wrong in ((1100.0, 1), (900.0, 0)):
        restarted = replace(run(*alerted(1330.0, 1510.0)), lives=lives((0.0, stopped), (1240.0, 4000.0)))
        assert counted(Wrong.FALSE, silent, restarted) == wrong


def test_a_call_whose_successor_an_endpoint_lacks_may_be_late() -> None:
    trouble = Interval(1250.0, 1500.0)
    for by, wrong in ((10.0, 1), (30.0, 0)):
        silent = out_of_sight(1290.0, trouble, lags=((trouble, by),))
        assert counted(Wrong.FALSE, silent, run(*alerted(1330.0, 1510.0))) == wrong


def test_an_alert_about_no_transfer_is_false() -> None:
    assert counted(Wrong.FALSE, world(), run(*alerted(1312.0, 1313.0))) == 1


def test_a_late_leg_without_an_alert_is_missed() -> None:
    assert judged(world(late()), run()).counts == {**judged(world(), run()).counts, Wrong.MISSED: 1}


def test_an_alert_that_opens_long_after_it_could_is_late() -> None:
    assert counted(Wrong.LATE, world(late()), run(*alerted(1700.0, 1910.0))) == 1


def test_nothing_is_missed_while_the_monitor_is_down() -> None:
    down = replace(run(), lives=lives((0.0, 1200.0), (1890.0, 4000.0)))
    assert judged(world(late()), down).sound


def test_nothing_is_missed_while_endpoints_are_in_trouble() -> None:
    calm = world(late())
    alpha, beta = calm.chains
    troubled = replace(calm, chains=(alpha, replace(beta, troubled=(Interval(1250.0, 1850.0),))))
    assert counted(Wrong.MISSED, troubled, run()) == 0


def test_what_was_missed_in_trouble_is_missed_after_it() -> None:
    calm = world(late(executed_at=2900))
    alpha, beta = calm.chains
    troubled = replace(calm, chains=(alpha, replace(beta, troubled=(Interval(1250.0, 1700.0),))))
    assert counted(Wrong.MISSED, troubled, run()) == 1


def test_an_alert_that_outlives_its_reason_is_false() -> None:
    assert counted(Wrong.FALSE, world(late()), run(*alerted(1312.0, None))) == 1
    gone = transfer(sent=stands(1000, until=1500))
    assert counted(Wrong.FALSE, world(gone), run(*alerted(1312.0, None))) == 1


def test_a_reorg_of_the_leg_opens_it_again() -> None:
    back = replace(late(), executed=(stands(1900, until=2200), stands(3500)))
    again = opened(2211.0, EXECUTE, back.transfer_id)
    assert counted(Wrong.MISSED, world(back), run(*alerted(1312.0, 1910.0))) == 1
    assert judged(world(back), run(*alerted(1312.0, 1910.0), again, ended(again, 3510.0, "executed"))).sound


def test_the_other_leg_is_judged_by_its_own_deadline() -> None:
    owed = transfer(sent=stands(100), executed=stands(200))
    alert = opened(1911.0, RECONCILE, owed.transfer_id)
    assert judged(world(owed), run(alert)).sound
    assert counted(Wrong.FALSE, world(owed), run(replace(alert, at=1905.0))) == 1
    assert counted(Wrong.MISSED, world(owed), run()) == 1


def test_an_alert_that_opens_again_at_once_is_false() -> None:
    flaps = replace(late(), executed=(stands(1900, until=1920), stands(3500)))
    again = opened(1940.0, EXECUTE, flaps.transfer_id)
    trace = run(*alerted(1312.0, 1910.0), again, ended(again, 3510.0, "executed"))
    assert counted(Wrong.FALSE, world(flaps), trace) == 1


def test_an_alert_whose_deadline_has_moved_is_false() -> None:
    moved = replace(late(3000), xcalled=(stands(1000, until=1320), stands(1320, fork="b")))
    assert counted(Wrong.FALSE, world(moved), run(*alerted(1312.0, None))) == 1
    assert counted(Wrong.FALSE, world(moved), run(*alerted(1312.0, 1335.0))) == 0
