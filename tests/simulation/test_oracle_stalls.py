"""Hand-made runs: pathways that are called stalled when they are, and when they are not."""

from dataclasses import replace
from math import inf

import pytest

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import block_hash, ended, opened, run, stands, transfer, world
from tests.simulation.rules.stalls import KIND, stalls
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval, Trace
from tests.simulation.truth import Standing, TransferTruth, Truth

PATHWAY = "alpha/beta"
SENT = (1000, 1050, 1100)
# The deadline is 300 s: the oldest has waited for long enough at 1150, and a block is past that at 1160.
ALERT = opened(1165.0, KIND, PATHWAY)


def judged(truth: Truth, trace: Trace) -> Verdict:
    return Verdict.of(stalls(Case(truth, trace)))


def counted(wrong: Wrong, truth: Truth, *alerts: AlertChange) -> int:
    return judged(truth, run(*alerts)).counts[wrong]


def waiting(*sent: float, executed_at: float = 2500) -> list[TransferTruth]:
    """Transfers that are executed late, and at the same time."""
    return [transfer(number, sent=stands(at), executed=stands(executed_at)) for number, at in enumerate(sent, 1)]


def executed(at: float, sent: float = 500) -> TransferTruth:
    return transfer(99, sent=stands(sent), executed=stands(at))


STALLED = world(*waiting(*SENT))
OVER = ended(ALERT, 2505.0, "executing")


def test_a_stall_that_is_told_of_and_ends_is_all_right() -> None:
    assert judged(STALLED, run(ALERT, OVER)).sound


def test_a_stall_that_nobody_is_told_of_is_missed() -> None:
    assert counted(Wrong.MISSED, STALLED) == 1
    assert counted(Wrong.LATE, STALLED, replace(ALERT, at=1900.0), OVER) == 1
    assert counted(Wrong.MISSED, world(*waiting(*SENT, executed_at=1400))) == 0


@pytest.mark.parametrize(
    ("truth", "at"),
    [
        (world(*waiting(*SENT[:2])), 1400.0),
        (world(*waiting(*SENT), executed(1020)), 1400.0),
        (STALLED, 1155.0),
        (world(*waiting(*SENT, executed_at=1300)), 1400.0),
        (world(*(transfer(number, sent=stands(at, until=1200)) for number, at in enumerate(SENT, 1))), 1400.0),
        (world(), 1400.0),
    ],
    ids=["two", "executed-since", "too-soon", "executed", "taken-back", "nothing-sent"],
)
def test_no_other_pathway_is_called_stalled(truth: Truth, at: float) -> None:
    assert counted(Wrong.FALSE, truth, opened(at, KIND, PATHWAY)) >= 1


def test_what_was_taken_unseen_before_it_was_stalled_is_no_stall() -> None:
    unread = Interval(1120.0, 1400.0)
    for taken_at, wrong in ((1155.0, 1), (1161.0, 0)):
        gone = world(*(transfer(number, sent=stands(at, until=taken_at)) for number, at in enumerate(SENT, 1)))
        alpha, beta = gone.chains
        blind = replace(alpha, final_depth=50, final=(), troubled=(unread,), blind=(unread,), unseen=(unread,))
        silent = replace(gone, unobserved_after=600.0, chains=(blind, beta))
        assert counted(Wrong.FALSE, silent, ALERT, ended(ALERT, 1410.0, "reorged")) == wrong


def test_what_was_executed_before_they_were_sent_excuses_nothing() -> None:
    truth = world(*waiting(*SENT), executed(950))
    assert judged(truth, run(ALERT, OVER)).sound
    assert counted(Wrong.MISSED, truth) == 1


def test_an_execution_that_a_reorg_took_ends_no_waiting() -> None:
    taken = transfer(99, sent=stands(500, until=1100), executed=stands(1040, until=1100))
    assert judged(world(*waiting(*SENT), taken), run(ALERT, OVER)).sound
    assert counted(Wrong.MISSED, world(*waiting(*SENT), taken)) == 1


def test_an_alert_that_stands_after_an_execution_is_false() -> None:
    assert counted(Wrong.FALSE, STALLED, ALERT) >= 1
    assert counted(Wrong.FALSE, STALLED, ALERT, replace(OVER, at=2600.0)) >= 1


def test_what_a_reorg_mines_again_ends_no_stall() -> None:
    once = stands(900)
    moved = Standing(Interval(1300.0, inf), replace(once.where, block_hash=block_hash(90, "other")))
    before = replace(once, during=Interval(once.during.begin, 1300.0))
    again = replace(transfer(99, sent=stands(500)), executed=(before, moved))
    assert judged(world(*waiting(*SENT), again), run(ALERT, OVER)).sound


def test_an_alert_that_stands_after_all_was_taken_back_is_false() -> None:
    gone = world(*(transfer(number, sent=stands(at, until=1500)) for number, at in enumerate(SENT, 1)))
    assert counted(Wrong.FALSE, gone, ALERT, ended(ALERT, 1700.0, "reorged")) == 0
    assert counted(Wrong.FALSE, gone, ALERT) == 1


def test_an_end_with_another_reason_is_false() -> None:
    assert counted(Wrong.FALSE, STALLED, ALERT, replace(OVER, resolution="reorged")) == 1
    assert counted(Wrong.FALSE, STALLED, ALERT, ended(ALERT, 1400.0, "executing")) >= 1


def test_nothing_must_be_said_while_the_destination_is_troubled() -> None:
    alpha, beta = STALLED.chains
    troubled = replace(STALLED, chains=(alpha, replace(beta, troubled=(Interval(1000.0, 2400.0),))))
    assert counted(Wrong.MISSED, troubled) == 0


def test_nothing_must_be_said_while_a_forged_delivery_waits() -> None:
    forged = transfer(4, sent=stands(1120), forged=stands(1130))
    assert counted(Wrong.MISSED, world(*waiting(*SENT), forged)) == 0
