"""Covered means read (promise 2): what the checkpoint and the watermark may move over."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.coverage import (
    Aim,
    BlockRange,
    Coverage,
    Nonces,
    advance,
    begin,
    doubtful,
    final_by_depth,
    first_unread,
    next_range,
)
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp


def block(number: int, fork: int = 0) -> BlockRef:
    return BlockRef(BlockNumber(number), Hash32(bytes([fork]) * 32), Timestamp(number))


def blocks(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


def number(value: int) -> BlockNumber:
    return BlockNumber(value)


def test_the_start_block_is_read_first() -> None:
    fresh = begin(number(7))
    assert next_range(fresh, first_unread(fresh, Aim.CONFIRM), number(9), 100) == blocks(7, 9)


def test_a_range_is_no_longer_than_the_span() -> None:
    fresh = begin(number(0))
    assert next_range(fresh, fresh.checkpoint, number(1000), 10) == blocks(0, 9)


def test_there_is_nothing_to_read_beyond_the_head() -> None:
    assert next_range(begin(number(0)), number(9), number(9), 10) is None


def test_confirming_reads_again_what_is_not_final_and_advancing_does_not() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert (first_unread(coverage, Aim.CONFIRM), first_unread(coverage, Aim.ADVANCE)) == (5, 9)


def test_a_range_behind_a_gap_moves_nothing() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert advance(coverage, blocks(11, 20), block(20), number(20)) == coverage


def test_the_checkpoint_stops_at_what_is_final() -> None:
    moved = advance(begin(number(0)), blocks(0, 20), block(20), number(15))
    assert (moved.checkpoint, moved.covered) == (15, block(20))


def test_an_endpoint_that_lags_does_not_lower_what_is_covered() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert advance(coverage, blocks(6, 8), block(8), number(5)).covered == block(9)


def test_another_block_at_the_covered_height_takes_its_place() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert advance(coverage, blocks(6, 9), block(9, fork=1), number(5)).covered == block(9, fork=1)


def test_advancing_does_not_move_the_checkpoint_over_what_was_read_only_once() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert advance(coverage, blocks(10, 12), block(12), number(12)).checkpoint == 5


@given(
    st.integers(0, 20),
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(-5, 30), st.integers(1, 15), st.sampled_from(Aim), st.booleans())
    ),
)
def test_covered_blocks_were_read_and_checkpointed_ones_read_when_final(
    start: int, covers: list[tuple[int, int, int, Aim, bool]]
) -> None:
    coverage, read, read_final = begin(number(start)), set[int](), set[int]()
    for head, depth, span, aim, breaks_off in covers:
        final = final_by_depth(number(head), depth)
        after = first_unread(coverage, aim)
        while (next_blocks := next_range(coverage, after, number(head), span)) is not None:
            read |= set(range(next_blocks.first, next_blocks.last + 1))
            read_final |= set(range(next_blocks.first, min(next_blocks.last, final) + 1))
            before, coverage = coverage, advance(coverage, next_blocks, block(next_blocks.last), final)
            assert coverage.checkpoint >= before.checkpoint
            assert (coverage.covered or block(-1)).number >= (before.covered or block(-1)).number
            after = next_blocks.last
            if breaks_off:
                break
    assert set(range(start, coverage.checkpoint + 1)) <= read_final
    if coverage.covered is not None:
        assert set(range(start, coverage.covered.number + 1)) <= read
        assert coverage.checkpoint <= coverage.covered.number


@given(st.lists(st.tuples(st.integers(10, 60), st.integers(0, 10), st.integers(0, 70))))
def test_ranges_in_any_order_cover_nothing_unread(
    ranges: list[tuple[int, int, int]],
) -> None:
    coverage, read, read_final = begin(number(10)), set[int](), set[int]()
    for first, more, final in ranges:
        last = first + more
        read |= set(range(first, last + 1))
        read_final |= set(range(first, min(last, final) + 1))
        coverage = advance(coverage, blocks(first, last), block(last), number(final))
        assert set(range(10, coverage.checkpoint + 1)) <= read_final
        assert set(range(10, (coverage.covered or block(9)).number + 1)) <= read


@given(st.integers(-5, 60), st.integers(-5, 60), st.integers(1, 20))
def test_the_next_range_leaves_no_gap_and_keeps_within_bounds(after: int, head: int, span: int) -> None:
    next_blocks = next_range(begin(number(0)), number(after), number(head), span)
    first = max(after + 1, 0)
    assert next_blocks == (blocks(first, min(first + span - 1, head)) if first <= head else None)


def test_a_final_range_moves_the_checkpoint_even_below_the_covered_block() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert advance(coverage, blocks(6, 8), block(8), number(8)) == Coverage(number(0), number(8), block(9))


def test_finality_that_goes_back_does_not_take_the_checkpoint_along() -> None:
    coverage = Coverage(number(0), number(5), block(9))
    assert advance(coverage, blocks(6, 10), block(10), number(3)).checkpoint == 5


def test_a_known_place_that_the_answer_does_not_name_is_doubtful() -> None:
    here, there = (number(1), Hash32(b"\x01" * 32)), (number(1), Hash32(b"\x02" * 32))
    assert doubtful([here, there], [there]) == [here]


def test_an_origin_is_whole_when_no_nonce_is_missing() -> None:
    assert Nonces(first=2, contiguous=5, next=5).complete
    assert not Nonces(first=2, contiguous=4, next=5).complete
