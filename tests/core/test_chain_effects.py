"""What a batch opens and ends about chains, decided upon values alone."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG, DeepReorgDetails
from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND, StartedBlindDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.batch import Batch, ChainProgress, UnreadableLog
from connext_monitor.core.coverage import BlockRange, begin
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.history import HistoryRead
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes, record
from connext_monitor.core.transfer import EventRecord, ObservedChange
from tests.world.kinds import deep_reorg, monitor_started_blind
from tests.world.recording import NOW, chain_name, gone
from tests.world.transfers import ALPHA, BETA, durations, executed, info, sighting

REORG = deep_reorg("alpha", NOW, block=9, checkpoint=5)
BLIND = monitor_started_blind("alpha", NOW, first=16, last=99)
FALSE = executed(info(1), sighting(20))
READ = ChainProgress(ALPHA, begin(BlockNumber(5)))


def blocks(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


def unreadable(delivery: EventRecord) -> UnreadableLog:
    return UnreadableLog(delivery.domain, b"raw", "params do not hash", delivery, Mismatch.PARAMS)


def decide(prior: PriorState, batch: Batch) -> Changes:
    return record(prior, batch, NOW, durations=durations, name=chain_name)


def stored(*batches: Batch) -> PriorState:
    """What is stored of false deliveries after these."""
    prior = PriorState()
    for batch in batches:
        changes = decide(prior, batch).false_deliveries
        prior = PriorState(false_deliveries={*prior.false_deliveries, *changes.seen} - {*changes.taken_back})
    return prior


# --- reorgs below finality ---


def test_a_replaced_final_block_opens_an_alert_about_its_chain() -> None:
    changes = decide(PriorState(), Batch(progress=[replace(READ, replaced=BlockNumber(9))]))
    assert changes.effects == (OpenAlert(DEEP_REORG.open("alpha", NOW, DeepReorgDetails(block=9, checkpoint=4))),)


@pytest.mark.parametrize(
    ("progress", "ended"),
    [
        (replace(READ, whole=True), [ResolveAlert.of(REORG, Resolution.COVERED_AGAIN)]),
        (READ, []),
        (replace(READ, domain=BETA, whole=True), []),
    ],
    ids=["read whole", "read in part", "another chain"],
)
def test_a_deep_reorg_ends_when_its_chain_has_been_read_whole(
    progress: ChainProgress, ended: Sequence[ResolveAlert]
) -> None:
    assert decide(PriorState(chain_alerts=[REORG, BLIND]), Batch(progress=[progress])).ended == ended


def test_a_reorg_that_ends_another_in_its_batch_opens_after_it() -> None:
    batch = Batch(progress=[replace(READ, whole=True), replace(READ, replaced=BlockNumber(9))])
    effects = decide(PriorState(chain_alerts=[REORG]), batch).effects
    assert [type(effect) for effect in effects] == [ResolveAlert, OpenAlert]


# --- a past that could not be read ---


def test_blocks_that_nobody_has_open_an_alert_about_their_chain() -> None:
    changes = decide(PriorState(), Batch(progress=[replace(READ, unread=blocks(16, 99))]))
    details = StartedBlindDetails(first=16, last=99)
    assert changes.effects == (OpenAlert(MONITOR_STARTED_BLIND.open("alpha", NOW, details)),)


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 60)), max_size=6), st.integers(0, 6))
@example(ranges=[(16, 40), (57, 42)], before=1)
@example(ranges=[(16, 40), (58, 42)], before=1)
@example(ranges=[(0, 60), (50, 60)], before=0)
def test_a_lost_past_ends_exactly_when_backfills_have_read_every_block(
    ranges: list[tuple[int, int]], before: int
) -> None:
    read = [blocks(first, first + more) for first, more in ranges]
    prior = PriorState(chain_alerts=[BLIND], history={ALPHA: read[:before]})
    batch = Batch(history=[HistoryRead(ALPHA, part) for part in read[before:]])
    every = {number for part in read for number in range(part.first, part.last + 1)}
    caught_up = bool(read[before:]) and every.issuperset(range(16, 100))
    assert decide(prior, batch).ended == ([ResolveAlert.of(BLIND, Resolution.CAUGHT_UP)] if caught_up else [])


def test_another_chains_backfill_ends_nothing() -> None:
    batch = Batch(history=[HistoryRead(BETA, blocks(0, 200))])
    assert decide(PriorState(chain_alerts=[BLIND]), batch).effects == ()


# --- false deliveries ---


def test_several_false_deliveries_of_one_transfer_are_one_alert_about_the_first() -> None:
    again = executed(info(1), sighting(21))
    (opened,) = decide(PriorState(), Batch(unreadable=[unreadable(FALSE), unreadable(again)])).opened
    assert opened.alert.kind is DELIVERY_MISMATCH
    assert DELIVERY_MISMATCH.details_of(opened.alert).tx_hash == f"0x{FALSE.sighting.tx_hash.hex()}"


def test_a_false_delivery_that_a_reorg_removes_ends_its_alert() -> None:
    prior = stored(Batch(unreadable=[unreadable(FALSE)]))
    changes = decide(prior, Batch([gone(FALSE)]))
    reorged = ResolveAlert.of_transfer(DELIVERY_MISMATCH, FALSE.event.transfer_id, Resolution.REORGED)
    assert changes.ended == [reorged]
    assert changes.false_deliveries.taken_back == tuple(prior.false_deliveries)


def test_a_false_delivery_that_a_reorg_moves_stays_accused() -> None:
    moved = executed(info(1), sighting(21))
    prior = stored(Batch(unreadable=[unreadable(FALSE)]), Batch(unreadable=[unreadable(moved)]))
    changes = decide(prior, Batch([gone(FALSE)]))
    assert changes.ended == []
    assert [sighting.block_number for sighting in changes.false_deliveries.taken_back] == [20]


def test_a_log_that_is_no_delivery_accuses_nobody() -> None:
    assert decide(PriorState(), Batch(unreadable=[UnreadableLog(ALPHA, b"raw", "it is no log")])) == Changes()


# --- what was pruned ---


def test_a_pruned_transfer_does_not_begin_anew() -> None:
    prior = PriorState(pruned=frozenset({FALSE.event.transfer_id}))
    assert decide(prior, Batch([ObservedChange(seen=(FALSE,))])) == Changes()
