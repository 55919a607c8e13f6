"""A transfer is what the set of its events says, whatever their order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.decoding import slim
from connext_monitor.core.events import TransferId, XCalled
from connext_monitor.core.transfer import (
    EventRecord,
    ObservedChange,
    Path,
    Status,
    Transfer,
    by_transfer,
    fold,
    merge,
    wrong_chain,
)
from tests.world.transfers import ALPHA, BETA, GAMMA, ROUTER, executed, info, reconciled, sighting, xcalled

INFO = info()
XCALLED = xcalled(INFO, sighting(10))
FAST = executed(INFO, sighting(20))
SLOW = executed(INFO, sighting(40), routers=())
RECONCILED = reconciled(INFO, sighting(30))


def folded(*records: EventRecord) -> Transfer:
    transfer = fold(records)
    assert transfer is not None
    return transfer


@pytest.mark.parametrize(
    ("records", "status", "path"),
    [
        ([XCALLED], Status.XCALLED, None),
        ([XCALLED, FAST], Status.EXECUTED, Path.FAST),
        ([XCALLED, RECONCILED], Status.RECONCILED, None),
        ([XCALLED, FAST, RECONCILED], Status.COMPLETED_FAST, Path.FAST),
        ([XCALLED, RECONCILED, SLOW], Status.COMPLETED_SLOW, Path.SLOW),
        ([FAST], Status.UNKNOWN, Path.FAST),
        ([RECONCILED], Status.UNKNOWN, None),
        ([RECONCILED, SLOW], Status.UNKNOWN, Path.SLOW),
    ],
)
def test_the_status_and_the_path_are_what_the_events_say(
    records: list[EventRecord], status: Status, path: Path | None
) -> None:
    transfer = folded(*records)
    assert (transfer.status, transfer.path) == (status, path)


def merged(known: Sequence[EventRecord], steps: Sequence[ObservedChange]) -> dict[TransferId, tuple[EventRecord, ...]]:
    after = merge(by_transfer(known), steps)
    return {transfer_id: tuple(of_id.values()) for transfer_id, of_id in after.items()}


def test_no_events_are_no_transfer() -> None:
    assert fold([]) is None


def test_a_destination_seen_before_its_origin_is_a_full_record() -> None:
    transfer = folded(FAST)
    assert (transfer.origin, transfer.destination, transfer.info, transfer.routers) == (ALPHA, BETA, INFO, (ROUTER,))


def test_a_reconciled_alone_knows_both_its_chains() -> None:
    transfer = folded(RECONCILED)
    assert (transfer.origin, transfer.destination, transfer.info) == (ALPHA, BETA, None)


def test_a_leg_on_another_chain_than_the_destination_does_not_count() -> None:
    assert folded(XCALLED, reconciled(INFO, sighting(30), domain=GAMMA)).reconciled is None


def test_an_xcalled_on_another_chain_than_the_origin_does_not_count() -> None:
    elsewhere = replace(XCALLED, domain=GAMMA)
    assert folded(FAST, elsewhere).status is Status.UNKNOWN


def test_events_on_wrong_chains_alone_are_no_transfer() -> None:
    assert fold([executed(INFO, sighting(20), domain=GAMMA)]) is None


def test_a_transfer_starts_with_its_xcalled_whatever_legs_are_stamped() -> None:
    assert folded(XCALLED, executed(INFO, sighting(1))).started_at == XCALLED.sighting.block.timestamp


def test_a_transfer_of_unknown_origin_starts_with_its_earliest_leg() -> None:
    assert folded(RECONCILED, FAST).started_at == FAST.sighting.block.timestamp


def test_an_event_seen_in_two_blocks_counts_at_the_lower() -> None:
    moved = xcalled(INFO, sighting(11))
    assert folded(moved, XCALLED).xcalled == XCALLED.sighting


def test_a_block_proven_gone_takes_its_events_with_it() -> None:
    gone = ObservedChange(gone=frozenset({(ALPHA, XCALLED.sighting.block.hash)}))
    assert merged([XCALLED, FAST], [gone]) == {XCALLED.event.transfer_id: (FAST,)}


def test_a_block_of_another_chain_with_the_same_hash_stays() -> None:
    gone = ObservedChange(gone=frozenset({(GAMMA, XCALLED.sighting.block.hash)}))
    assert merged([XCALLED], [gone]) == {XCALLED.event.transfer_id: (XCALLED,)}


def test_what_is_seen_after_it_was_gone_stands() -> None:
    block = (ALPHA, XCALLED.sighting.block.hash)
    steps = [ObservedChange(gone=frozenset({block})), ObservedChange(seen=(XCALLED,))]
    assert merged([XCALLED], steps) == {XCALLED.event.transfer_id: (XCALLED,)}


def test_what_is_gone_after_it_was_seen_does_not_stand() -> None:
    block = (ALPHA, XCALLED.sighting.block.hash)
    steps = [ObservedChange(seen=(XCALLED,)), ObservedChange(gone=frozenset({block}))]
    assert merged([], steps) == {XCALLED.event.transfer_id: ()}


def test_one_step_takes_back_before_it_adds() -> None:
    # A range read again brings the blocks that are gone together with the logs that stand now.
    step = ObservedChange((XCALLED,), frozenset({(ALPHA, XCALLED.sighting.block.hash)}))
    assert merged([XCALLED], [step]) == {XCALLED.event.transfer_id: (XCALLED,)}


def test_events_on_a_chain_that_their_parameters_do_not_name_are_refused() -> None:
    assert wrong_chain(XCALLED.event, BETA) is not None
    assert wrong_chain(FAST.event, ALPHA) is not None
    assert wrong_chain(RECONCILED.event, ALPHA) is not None
    assert [wrong_chain(record.event, record.domain) for record in (XCALLED, FAST, RECONCILED)] == [None, None, None]


def test_a_slim_event_has_no_bytes_without_bound() -> None:
    assert isinstance(XCALLED.event, XCalled)
    fat = replace(XCALLED.event, params=replace(INFO, call_data=b"x" * 10_000), message_body=b"y" * 10_000)
    assert slim(fat) == XCALLED.event


PLACES = st.builds(sighting, st.integers(1, 5), fork=st.sampled_from(["", "a", "b"]))
RECORDS = st.one_of(
    st.builds(xcalled, st.just(INFO), PLACES),
    st.builds(executed, st.just(INFO), PLACES, st.sampled_from([(), (ROUTER,)])),
    st.builds(reconciled, st.just(INFO), PLACES),
)


@given(st.lists(RECORDS, min_size=1, unique_by=lambda record: record.identity), st.data())
def test_order_and_repetition_do_not_matter(records: list[EventRecord], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(records + data.draw(st.lists(st.sampled_from(records)))))
    assert fold(shuffled) == fold(records)


ANYWHERE = st.builds(replace, RECORDS, domain=st.sampled_from([ALPHA, BETA, GAMMA]))


@given(st.lists(ANYWHERE))
def test_any_transfer_has_a_start_and_only_events_on_their_chains(
    records: list[EventRecord],
) -> None:
    transfer = fold(records)
    counting = [record for record in records if wrong_chain(record.event, record.domain) is None]
    assert transfer == fold(counting)
    assert (transfer is None) == (not counting)
    if transfer is not None:
        assert transfer.started_at in {record.sighting.block.timestamp for record in counting}
