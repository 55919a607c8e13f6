"""The events besides transfers are a set: any order, any repetition and any batches give the same."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.bridge_records import StoredBridgeRecord, numbered
from connext_monitor.core.events import Hash32
from connext_monitor.core.transfer import ObservedChange, Provenance
from tests.world.bridge import block_gone, bridge_record, read_in
from tests.world.bridge_fold import BridgeFold
from tests.world.recording import NOW
from tests.world.transfers import sighting

PAUSED = bridge_record("Paused")


def test_what_is_pushed_is_provisional_until_its_block_is_covered_once() -> None:
    kept = BridgeFold(NOW)
    for provenance in (Provenance.PUSHED, Provenance.COVERED, Provenance.COVERED, Provenance.PUSHED):
        kept.commit(read_in(provenance, PAUSED))
    assert kept.stored == {PAUSED.identity: StoredBridgeRecord(PAUSED, covered=True)}
    assert kept.covered == [PAUSED]


def test_what_stands_elsewhere_after_a_reorg_is_covered_anew() -> None:
    kept, moved = BridgeFold(NOW), bridge_record("Paused", sighting(11, fork="b"))
    kept.commit(read_in(Provenance.COVERED, PAUSED))
    kept.commit(replace(block_gone(PAUSED), bridge=(moved,), provenance=Provenance.COVERED))
    assert (list(kept.stored), kept.covered) == ([moved.identity], [PAUSED, moved])


def test_history_is_recorded_and_told_nobody() -> None:
    kept = BridgeFold(NOW)
    kept.commit(read_in(Provenance.HISTORY, PAUSED))
    assert (kept.stored[PAUSED.identity].covered, kept.covered) == (True, [])


def test_a_log_that_an_answer_holds_twice_is_one_record() -> None:
    twice = [bridge_record("RouterLiquidityAdded", log_index=index) for index in (4, 2, 4, 2)]
    assert [(record.log_index, record.ordinal) for record in numbered(twice)] == [(2, 0), (4, 1)]


def test_what_is_said_twice_in_a_transaction_is_two_records() -> None:
    twice = numbered([bridge_record("RouterLiquidityAdded", log_index=index) for index in (4, 2)])
    assert [(record.log_index, record.ordinal) for record in twice] == [(2, 0), (4, 1)]
    kept = BridgeFold(NOW)
    kept.commit(read_in(Provenance.PUSHED, bridge_record("RouterLiquidityAdded", log_index=9)))
    kept.commit(read_in(Provenance.COVERED, *twice))
    assert [stored.record.log_index for stored in kept.stored.values()] == [2, 4]


_SEEN = st.builds(
    lambda kind, number, fork, tx, index, provenance: read_in(
        provenance, bridge_record(kind, sighting(number, fork=fork), tx_hash=Hash32(bytes([tx]) * 32), log_index=index)
    ),
    st.sampled_from(["Paused", "Unpaused", "RouterAdded"]),
    st.integers(1, 2),
    st.sampled_from(["", "a"]),
    st.integers(1, 2),
    st.integers(0, 1),
    st.sampled_from([Provenance.PUSHED, Provenance.COVERED]),
)


@given(st.lists(_SEEN, max_size=8), st.data())
def test_any_order_repetition_and_batches_give_the_same_records(
    seen: Sequence[ObservedChange], data: st.DataObject
) -> None:
    straight, other = BridgeFold(NOW), BridgeFold(NOW)
    for change in seen:
        straight.commit(change)
    waiting = data.draw(st.permutations([*seen, *seen]))
    while waiting:
        size = data.draw(st.integers(1, len(waiting)))
        other.commit(*waiting[:size])
        waiting = waiting[size:]
    assert other.stored == straight.stored
    assert {record.identity for record in other.covered} == {record.identity for record in straight.covered}
    assert len(other.covered) == len({record.identity for record in other.covered})
