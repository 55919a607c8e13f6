"""Hand-made runs: records that are the truth at rest, and that are not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.findings import Finding, Wrong
from tests.simulation.handmade import delivered, ended, opened, recorded, run, stands, transfer, world
from tests.simulation.oracle import judge_truth
from tests.simulation.trace import Interval, Trace
from tests.simulation.truth import Standing, Truth

LATE = transfer(sent=stands(1000), executed=stands(1900), reconciled=stands(2000))
OWED = transfer(2, sent=stands(2900), executed=stands(3000))
WORLD = replace(world(LATE, OWED), quiet_from=0.0)
ALERT = opened(1312.0, "execute_overdue", LATE.transfer_id)
SOUND = recorded(WORLD, delivered(run(ALERT, ended(ALERT, 1912.0, "executed"))))


def test_a_whole_sound_run_is_sound() -> None:
    assert judge_truth(WORLD, SOUND).findings == ()


def first_with(**values: Any) -> Callable[[Trace], Trace]:
    return lambda trace: replace(trace, transfers=(replace(trace.transfers[0], **values), trace.transfers[1]))


def chain_with(**values: Any) -> Callable[[Trace], Trace]:
    return lambda trace: replace(trace, chains=(replace(trace.chains[0], **values), trace.chains[1]))


@pytest.mark.parametrize(
    "spoil",
    [
        first_with(reconciled=None),
        first_with(xcalled=None),
        lambda trace: replace(trace, transfers=trace.transfers[:1]),
        lambda trace: replace(trace, transfers=(*trace.transfers, replace(trace.transfers[0], transfer_id="0x77"))),
        first_with(status="Executed"),
        chain_with(covered=300),
        chain_with(checkpoint=300),
        chain_with(contiguous=2),
    ],
)
def test_what_differs_from_the_truth_is_found(spoil: Callable[[Trace], Trace]) -> None:
    assert judge_truth(WORLD, spoil(SOUND)).counts[Wrong.DIFFERS] >= 1


def test_a_log_that_nobody_can_decode_is_kept_while_it_stands() -> None:
    log, gone = stands(1500), stands(1500, until=1600)

    def differing(*logs: Standing, **changes: Any) -> int:
        alpha, beta = WORLD.chains
        truth = replace(WORLD, chains=(replace(alpha, unreadable=logs), beta), **changes)
        return judge_truth(truth, SOUND).counts[Wrong.DIFFERS]

    assert (differing(log), differing(gone), differing(stands(3990)), differing(log, keep=1800.0)) == (1, 0, 0, 0)
    alpha, beta = WORLD.chains
    truth = replace(WORLD, chains=(replace(alpha, unreadable=(log,)), beta))
    assert judge_truth(truth, replace(SOUND, unreadable=(log.where.tx_hash,))).sound


def test_blocks_after_a_log_that_cannot_be_decoded_need_not_be_final() -> None:
    alpha, beta = WORLD.chains
    for until, wrong in ((5000.0, 0), (1000.0, 1)):
        truth = replace(WORLD, chains=(replace(alpha, undecodable=(Interval(900.0, until),)), beta))
        assert judge_truth(truth, chain_with(checkpoint=300)(SOUND)).counts[Wrong.DIFFERS] == wrong


def test_a_leg_recorded_in_a_block_that_was_replaced_differs() -> None:
    moved = replace(LATE, executed=(stands(1900, until=2100), stands(2100, fork="b")))
    truth = replace(world(moved, OWED), quiet_from=0.0)
    old = replace(SOUND.transfers[0], executed=moved.executed[0].where)
    assert judge_truth(truth, replace(SOUND, transfers=(old, SOUND.transfers[1]))).counts[Wrong.DIFFERS] == 1
    assert judge_truth(truth, recorded(truth, SOUND)).counts[Wrong.DIFFERS] == 0


def test_a_hidden_leg_of_an_unwatched_call_may_stay_unknown() -> None:
    alpha, beta = WORLD.chains
    hidden = replace(WORLD, chains=(alpha, replace(beta, hiding=(Interval(1950.0, 2050.0),))))
    unasked = first_with(xcalled=None, reconciled=None, status="Executed")(SOUND)
    late_start = replace(unasked, chains=(replace(SOUND.chains[0], start=101), SOUND.chains[1]))
    assert not _unrecorded(hidden, late_start)
    assert _unrecorded(hidden, replace(late_start, chains=SOUND.chains))
    assert _unrecorded(WORLD, late_start)


def _unrecorded(truth: Truth, trace: Trace) -> list[Finding]:
    findings = judge_truth(truth, trace).findings
    return [finding for finding in findings if finding.words == "reconciled is not recorded"]


def test_what_still_waits_for_a_channel_is_missed() -> None:
    assert judge_truth(WORLD, replace(SOUND, waiting=(("hook", ALERT.alert_id),))).counts[Wrong.MISSED] == 1


def test_what_has_been_complete_for_long_may_be_pruned() -> None:
    gone = replace(SOUND, transfers=SOUND.transfers[1:])
    assert judge_truth(replace(WORLD, keep=1900.0), gone).sound
    assert judge_truth(replace(WORLD, keep=2100.0), gone).counts[Wrong.DIFFERS] >= 1


def test_what_is_not_complete_is_kept() -> None:
    gone = replace(SOUND, transfers=SOUND.transfers[:1])
    assert judge_truth(replace(WORLD, keep=10.0), gone).counts[Wrong.DIFFERS] >= 1
