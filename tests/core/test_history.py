"""Which blocks a backfill still has to read."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.deadline import Durations, Leg
from connext_monitor.core.events import BlockNumber, Timestamp
from connext_monitor.core.history import joined, next_part, past_due, unread
from connext_monitor.core.transfer import fold
from tests.world.transfers import executed, info, sighting, xcalled


def blocks(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


ranges = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda drawn: blocks(drawn[0], sum(drawn)))


def numbers(*parts: BlockRange) -> list[int]:
    return [number for part in parts for number in range(part.first, part.last + 1)]


@given(ranges, st.lists(ranges, max_size=8))
def test_read_and_unread_blocks_are_the_wanted_ones_each_once(asked: BlockRange, read: list[BlockRange]) -> None:
    left = numbers(*unread(asked, read))
    assert left == [number for number in numbers(asked) if number not in numbers(*read)]


@given(st.lists(ranges, max_size=8))
def test_joined_ranges_are_the_same_blocks_and_never_touch(read: list[BlockRange]) -> None:
    whole = joined(read)
    assert numbers(*whole) == sorted(set(numbers(*read)))
    assert all(low.last + 1 < high.first for low, high in pairwise(whole))


@given(st.lists(ranges, max_size=6), st.integers(1, 9))
def test_the_parts_are_every_block_in_allowed_spans(read: list[BlockRange], span: int) -> None:
    parts = joined(read)
    begun: list[BlockRange] = []
    while part := next_part(parts, begun[-1] if begun else None, span):
        assert len(part) <= span
        begun.append(part)
    assert numbers(*begun) == numbers(*parts)


def test_only_legs_that_were_not_seen_and_were_due_are_late() -> None:
    transfer = fold([xcalled(info(), sighting(10)), executed(info(), sighting(20))])
    assert transfer is not None
    due = Timestamp(transfer.started_at + 50)
    late = [(late_leg.leg, late_leg.due_at) for late_leg in past_due(transfer, Durations(1, 50), Timestamp(due + 1))]
    assert late == [(Leg.RECONCILE, due)]
    assert past_due(transfer, Durations(1, 50), due) == []


def test_nothing_is_late_where_nobody_watches_the_destination() -> None:
    transfer = fold([xcalled(info(), sighting(10))])
    assert transfer is not None
    assert past_due(transfer, None, Timestamp(2**40)) == []
