from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connext_monitor.core.coverage import (
    Aim,
    BlockRange,
    Coverage,
    Nonces,
    advance,
    begin,
    contiguous_until,
    doubtful,
    final_by_depth,
    first_unread,
    next_range,
)
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32
from tests.core.made_up import block

START = 100


def blocks(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


def coverage(checkpoint: int, covered: int | None = None) -> Coverage:
    reached = None if covered is None else block(covered)
    return Coverage(BlockNumber(START), BlockNumber(checkpoint), reached)


def read(before: Coverage, first: int, last: int, final: int, *, fork: int = 0) -> Coverage:
    return advance(before, blocks(first, last), block(last, fork=fork), BlockNumber(final))


def next_after(before: Coverage, after: int, head: int, span: int) -> BlockRange | None:
    return next_range(before, BlockNumber(after), BlockNumber(head), span)


def test_length_of_a_range_counts_both_ends() -> None:
    assert len(blocks(3, 5)) == 3


def test_start_block_is_included() -> None:
    fresh = begin(BlockNumber(START))
    assert fresh == coverage(checkpoint=START - 1)
    assert next_after(fresh, fresh.checkpoint, 200, 10) == blocks(100, 109)


def test_chain_watched_from_its_first_block_begins_with_block_zero() -> None:
    fresh = begin(BlockNumber(0))
    assert next_after(fresh, fresh.checkpoint, 3, 10) == blocks(0, 3)


def test_next_range_ends_at_the_head() -> None:
    assert next_after(coverage(110, 120), 120, 125, 1000) == blocks(121, 125)


def test_there_is_no_next_range_at_the_head_nor_below() -> None:
    assert next_after(coverage(110, 120), 120, 120, 10) is None
    assert next_after(coverage(110, 120), 120, 90, 10) is None


def test_there_is_no_next_range_while_the_head_is_below_the_start() -> None:
    assert next_after(begin(BlockNumber(START)), START - 1, START - 1, 10) is None


def test_next_range_never_begins_before_the_start() -> None:
    assert next_after(coverage(START - 1), 0, 200, 10) == blocks(100, 109)


def test_advance_reads_what_is_new_and_confirm_what_is_not_final() -> None:
    partly_final = coverage(110, 120)
    assert first_unread(partly_final, Aim.ADVANCE) == 120
    assert first_unread(partly_final, Aim.CONFIRM) == 110


@pytest.mark.parametrize("aim", Aim)
def test_both_aims_begin_at_the_start_where_nothing_was_read(aim: Aim) -> None:
    assert first_unread(begin(BlockNumber(START)), aim) == START - 1


def test_range_read_is_covered_and_final_as_far_as_it_is_final() -> None:
    assert read(coverage(99), 100, 120, final=115) == coverage(115, 120)


def test_checkpoint_never_passes_what_was_read() -> None:
    assert read(coverage(99), 100, 120, final=500) == coverage(120, 120)


def test_range_that_leaves_a_gap_moves_nothing() -> None:
    before = coverage(110, 120)
    assert read(before, 122, 130, final=130) == before


def test_range_behind_unconfirmed_blocks_moves_the_watermark_and_not_the_checkpoint() -> None:
    assert read(coverage(110, 120), 121, 130, final=130) == coverage(110, 130)


def test_range_from_the_checkpoint_on_moves_both() -> None:
    assert read(coverage(110, 120), 111, 130, final=125) == coverage(125, 130)


def test_lower_head_is_lag_and_lowers_nothing() -> None:
    before = coverage(110, 120)
    assert read(before, 111, 115, final=100) == before


def test_lower_range_that_is_final_moves_the_checkpoint_alone() -> None:
    assert read(coverage(110, 120), 111, 115, final=115) == coverage(115, 120)


def test_other_block_at_the_covered_height_is_the_one_that_counts() -> None:
    after = read(coverage(110, 120), 111, 120, final=110, fork=1)
    assert after.covered == block(120, fork=1)


def test_finality_that_goes_back_does_not_take_the_checkpoint_along() -> None:
    assert read(coverage(110, 120), 111, 121, final=90) == coverage(110, 121)


def test_final_by_depth_is_that_far_behind_the_head() -> None:
    assert final_by_depth(BlockNumber(120), 5) == 115
    assert final_by_depth(BlockNumber(120), 0) == 120


numbers = st.integers(START - 5, START + 60)


@given(numbers, numbers, st.integers(1, 20), st.integers(START - 1, START + 60))
def test_next_range_leaves_no_gap_and_passes_neither_span_nor_head(
    after: int, head: int, span: int, checkpoint: int
) -> None:
    found = next_after(coverage(checkpoint), after, head, span)
    if found is None:
        assert head < max(after + 1, START)
        return
    assert found.first == max(after + 1, START)
    assert found.first <= found.last <= head
    assert 1 <= len(found) <= span


class Reader:
    """An observer of a chain whose head and finality jump about, with an endpoint that fails as it likes.

    Which blocks it really read, and which it read when they were final: the truth to hold coverage against.
    """

    def __init__(self) -> None:
        self.coverage = begin(BlockNumber(START))
        self.read: set[int] = set()
        self.read_final: set[int] = set()

    def cover(self, aim: Aim, head: int, final: int, span: int, failing_after: int) -> None:
        """The loop of a cover: range after range until the head, or until the endpoint fails."""
        after = first_unread(self.coverage, aim)
        for _ in range(failing_after):
            found = next_after(self.coverage, after, head, span)
            if found is None:
                return
            self.take(found, final)
            after = found.last

    def take(self, found: BlockRange, final: int) -> None:
        """Read one range."""
        self.read |= set(range(found.first, found.last + 1))
        self.read_final |= set(range(found.first, min(found.last, final) + 1))
        self.coverage = advance(self.coverage, found, block(found.last), BlockNumber(final))


covers = st.tuples(st.sampled_from(Aim), numbers, numbers, st.integers(1, 20), st.integers(0, 6))
stray_ranges = st.tuples(st.integers(START, START + 60), st.integers(0, 10), numbers)


@given(st.lists(st.one_of(covers, stray_ranges), max_size=12))
@settings(max_examples=200, deadline=None)
def test_whatever_is_read_and_whatever_fails_covered_means_read_and_nothing_goes_back(
    actions: list[tuple[Aim, int, int, int, int] | tuple[int, int, int]],
) -> None:
    reader = Reader()
    for action in actions:
        before = reader.coverage
        if len(action) == 5:
            reader.cover(*action)
        else:
            # A range that nobody asked for next: out of place, overlapping, or too far ahead.
            first, more, final = action
            reader.take(blocks(first, first + more), final)
        after = reader.coverage
        assert set(range(START, after.checkpoint + 1)) <= reader.read_final
        assert before.checkpoint <= after.checkpoint
        assert number(before.covered) <= number(after.covered)
        assert set(range(START, number(after.covered) + 1)) <= reader.read
        assert after.checkpoint <= number(after.covered)


def number(covered: BlockRef | None) -> int:
    return covered.number if covered else START - 1


@given(st.integers(START, START + 60), st.integers(1, 20))
def test_one_undisturbed_cover_reaches_the_head(head: int, span: int) -> None:
    reader = Reader()
    reader.cover(Aim.CONFIRM, head, final=head - 5, span=span, failing_after=100)
    assert number(reader.coverage.covered) == head
    assert reader.coverage.checkpoint == max(START - 1, head - 5)


# Doubt


def place(height: int, fork: int = 0) -> tuple[BlockNumber, Hash32]:
    return (BlockNumber(height), block(height, fork=fork).hash)


def test_known_places_that_the_answer_does_not_name_are_doubtful_lowest_first() -> None:
    known = [place(9), place(5), place(7)]
    assert doubtful(known, [place(7), place(8)]) == [place(5), place(9)]


def test_place_named_with_another_hash_is_doubtful() -> None:
    assert doubtful([place(5)], [place(5, fork=1)]) == [place(5)]


def test_places_that_the_answer_names_are_not_doubtful() -> None:
    assert doubtful([place(5)], [place(5), place(6)]) == []


# Nonces


@pytest.mark.parametrize(
    ("nonces", "missing"),
    [
        ([], 7),
        ([8, 9], 7),
        ([7, 8, 9], 10),
        ([7, 8, 10, 11], 9),
        ([7, 7, 8], 9),
        ([5, 6, 7, 8], 9),
        ([5, 6], 7),
    ],
)
def test_contiguity_ends_at_the_first_hole(nonces: list[int], missing: int) -> None:
    assert contiguous_until(7, nonces) == missing


@given(st.integers(0, 10), st.lists(st.integers(0, 20)).map(sorted))
def test_contiguous_until_is_the_lowest_that_is_missing(first: int, nonces: Iterable[int]) -> None:
    seen = set(nonces)
    assert contiguous_until(first, sorted(nonces)) == next(n for n in range(first, 100) if n not in seen)


@pytest.mark.parametrize(("contiguous", "complete"), [(9, False), (10, True), (11, True)])
def test_nonces_are_complete_once_none_is_missing_below_the_next(contiguous: int, complete: bool) -> None:  # noqa: FBT001
    assert Nonces(first=3, contiguous=contiguous, next=10).complete is complete
