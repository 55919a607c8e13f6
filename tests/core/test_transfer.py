from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import EventKind, Executed, XCalled
from connext_monitor.core.transfer import EventRecord, Path, Status, Step, Transfer, fold, merge, slim, wrong_chain
from tests.core.histories import event_records
from tests.core.made_up import ASSET, DESTINATION, ELSEWHERE, ORIGIN, ROUTER, Sample, block

SAMPLE = Sample(nonce=3)
XCALLED = SAMPLE.xcalled(block(10))
FAST = SAMPLE.executed(block(20))
SLOW = SAMPLE.executed(block(20), routers=())
RECONCILED = SAMPLE.reconciled(block(30))


def folded(*records: EventRecord) -> Transfer:
    transfer = fold(records)
    assert transfer is not None
    return transfer


@pytest.mark.parametrize(
    ("records", "status", "path"),
    [
        ([XCALLED], Status.XCALLED, None),
        ([XCALLED, FAST], Status.EXECUTED, Path.FAST),
        ([XCALLED, SLOW], Status.EXECUTED, Path.SLOW),
        ([XCALLED, RECONCILED], Status.RECONCILED, None),
        ([XCALLED, FAST, RECONCILED], Status.COMPLETED_FAST, Path.FAST),
        ([XCALLED, RECONCILED, SLOW], Status.COMPLETED_SLOW, Path.SLOW),
        ([FAST], Status.UNKNOWN, Path.FAST),
        ([SLOW], Status.UNKNOWN, Path.SLOW),
        ([RECONCILED], Status.UNKNOWN, None),
        ([FAST, RECONCILED], Status.UNKNOWN, Path.FAST),
    ],
)
def test_status_and_path_say_which_events_have_been_seen(
    records: list[EventRecord], status: Status, path: Path | None
) -> None:
    transfer = folded(*records)
    assert (transfer.status, transfer.path) == (status, path)


def test_nothing_seen_is_no_transfer() -> None:
    assert fold(()) is None


def test_transfer_takes_asset_and_amount_from_xcalled() -> None:
    transfer = folded(XCALLED, FAST, RECONCILED)
    assert (transfer.asset, transfer.amount) == (ASSET, 7)


def test_destination_seen_before_the_origin_is_a_full_record() -> None:
    transfer = folded(FAST)
    assert transfer.info == SAMPLE.info
    assert (transfer.origin, transfer.destination) == (ORIGIN, DESTINATION)
    assert transfer.executed == FAST.sighting
    assert (transfer.xcalled, transfer.asset, transfer.amount) == (None, None, None)


def test_reconciled_alone_names_both_chains() -> None:
    transfer = folded(RECONCILED)
    assert (transfer.origin, transfer.destination, transfer.info) == (ORIGIN, DESTINATION, None)
    assert transfer.reconciled == RECONCILED.sighting


def test_start_is_that_of_xcalled_even_where_a_leg_is_stamped_earlier() -> None:
    early = SAMPLE.executed(block(1))
    assert folded(XCALLED, early).started_at == XCALLED.sighting.block.timestamp


def test_start_without_an_origin_is_that_of_the_earliest_leg() -> None:
    assert folded(RECONCILED, FAST).started_at == FAST.sighting.block.timestamp


def test_leg_on_another_chain_than_the_destination_does_not_count() -> None:
    elsewhere = SAMPLE.reconciled(block(11), domain=ELSEWHERE)
    assert folded(XCALLED, elsewhere).status is Status.XCALLED


def test_xcalled_on_another_chain_than_the_origin_does_not_count() -> None:
    elsewhere = SAMPLE.xcalled(block(11), domain=ELSEWHERE)
    assert folded(FAST, elsewhere).status is Status.UNKNOWN


def test_transfer_of_which_only_events_on_wrong_chains_were_seen_is_none() -> None:
    assert fold([SAMPLE.executed(block(11), domain=ELSEWHERE)]) is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (SAMPLE.xcalled(block(1), domain=ELSEWHERE), f"origin domain {ORIGIN} but stands on domain {ELSEWHERE}"),
        (SAMPLE.executed(block(1), domain=ELSEWHERE), f"destination domain {DESTINATION} but stands on domain"),
        (SAMPLE.reconciled(block(1), domain=ORIGIN), "names its own domain"),
    ],
)
def test_event_on_the_wrong_chain_is_told_with_words(record: EventRecord, words: str) -> None:
    assert words in str(wrong_chain(record))


@pytest.mark.parametrize("record", [XCALLED, FAST, SLOW, RECONCILED])
def test_event_where_it_belongs_is_on_no_wrong_chain(record: EventRecord) -> None:
    assert wrong_chain(record) is None


def test_event_in_two_places_counts_at_the_lower_one() -> None:
    higher = SAMPLE.xcalled(block(12))
    assert folded(higher, XCALLED).xcalled == XCALLED.sighting


def test_routers_are_those_of_the_execution_that_counts() -> None:
    assert folded(XCALLED, SAMPLE.executed(block(21), routers=()), FAST).routers == (ROUTER,)


def test_slim_event_keeps_all_but_the_unbounded_bytes() -> None:
    sample = Sample(call_data=b"x" * 1000)
    event = slim(sample.xcalled(block(1), body=b"y" * 1000).event)
    assert isinstance(event, XCalled)
    assert (event.params.call_data, event.message_body) == (b"", b"")
    assert replace(event.params, call_data=sample.call_data) == sample.info


def test_slim_execution_keeps_its_id() -> None:
    sample = Sample(call_data=b"x" * 1000)
    event = slim(sample.executed(block(1)).event)
    assert isinstance(event, Executed)
    assert (event.transfer_id, event.params.call_data) == (sample.id, b"")


@pytest.mark.parametrize(
    ("record", "kind"),
    [(XCALLED, EventKind.XCALLED), (FAST, EventKind.EXECUTED), (RECONCILED, EventKind.RECONCILED)],
)
def test_record_knows_its_kind(record: EventRecord, kind: EventKind) -> None:
    assert record.kind is kind


def test_same_event_in_two_blocks_is_two_records() -> None:
    moved = SAMPLE.xcalled(block(10, fork=1))
    assert merge([XCALLED], [Step((moved,))]) == {SAMPLE.id: (XCALLED, moved)}


def test_block_gone_takes_away_what_stood_in_it_on_its_chain_only() -> None:
    there = SAMPLE.reconciled(block(10))
    gone = Step(gone=frozenset({(ORIGIN, block(10).hash)}))
    assert merge([XCALLED, there], [gone]) == {SAMPLE.id: (there,)}


def test_block_gone_takes_nothing_that_stands_beside_it() -> None:
    gone = Step(gone=frozenset({(ORIGIN, block(10, fork=1).hash)}))
    assert merge([XCALLED], [gone]) == {SAMPLE.id: (XCALLED,)}


def test_gone_and_seen_again_in_later_steps_stands() -> None:
    gone = Step(gone=frozenset({(ORIGIN, block(10).hash)}))
    assert merge([XCALLED], [gone, Step((XCALLED,))]) == {SAMPLE.id: (XCALLED,)}


def test_seen_and_gone_in_later_steps_is_gone() -> None:
    gone = Step(gone=frozenset({(ORIGIN, block(10).hash)}))
    assert merge([], [Step((XCALLED,)), gone]) == {SAMPLE.id: ()}


def test_one_step_takes_back_before_it_adds() -> None:
    # A range read again brings the blocks that are gone together with the logs that stand now.
    step = Step((XCALLED,), frozenset({(ORIGIN, block(10).hash)}))
    assert merge([XCALLED], [step]) == {SAMPLE.id: (XCALLED,)}


@given(st.lists(event_records(), min_size=1, max_size=12))
def test_anything_seen_of_a_transfer_folds_to_one_with_a_start_and_a_status(records: list[EventRecord]) -> None:
    one = records[0].event.transfer_id
    transfer = folded(*(r for r in records if r.event.transfer_id == one))
    assert transfer.started_at >= 1000
    assert transfer.status in Status


@given(st.data())
def test_fold_is_the_same_for_any_order_and_repetition(data: st.DataObject) -> None:
    records = data.draw(st.lists(event_records(), min_size=1, max_size=12))
    of_one = [r for r in records if r.event.transfer_id == records[0].event.transfer_id]
    assert fold(data.draw(st.permutations(of_one * 2))) == fold(of_one)
