"""Which logs that cannot be decoded put a chain out of sight, and until when."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.undecodable import Undecodable
from tests.monitoring.made_up_logs import ORIGIN, TIME, xcalled_raw
from tests.world.bridge import bridge_log
from tests.world.clocks import ManualClock
from tests.world.transfers import sighting


def blocks(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


def good(block: int) -> DecodedLog:
    ref = BlockRef(BlockNumber(block), Hash32(bytes([block]) * 32), TIME)
    return decode_log(ORIGIN, replace(xcalled_raw(1), block_number=ref.number, block_hash=ref.hash), ref)


def bad(block: int) -> DecodedLog:
    raw = good(block).log
    cut = replace(xcalled_raw(1), block_number=raw.block_number, block_hash=raw.block_hash, data=b"")
    return decode_log(ORIGIN, cut, BlockRef(raw.block_number, raw.block_hash, TIME))


def beside(block: int) -> DecodedLog:
    at = sighting(block)
    return decode_log(ORIGIN, bridge_log("Paused", at), at.block)


class Chain:
    """What is known of a chain's logs; a second passes with each look."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime.fromtimestamp(TIME, UTC))
        self.known = Undecodable(self.clock)

    def read(self, first: int, last: int, *logs: DecodedLog) -> tuple[int | None, float | None]:
        """What must not become final after a look at these blocks, and since when the chain is not seen."""
        self.clock.advance(1.0)
        return self.known.read(blocks(first, last), logs, "host"), self.known.since


def test_what_came_before_does_not_excuse_a_log() -> None:
    chain = Chain()
    assert chain.read(1, 30, good(10), bad(20)) == (20, 1.0)
    assert chain.read(5, 40, good(10), bad(20)) == (20, 1.0)
    assert chain.read(5, 50, good(10), bad(20), bad(45)) == (20, 1.0)


@pytest.mark.parametrize("later", [good(30), good(20)])
def test_a_later_log_that_can_be_decoded_ends_it(later: DecodedLog) -> None:
    chain = Chain()
    chain.read(1, 25, bad(15))
    assert chain.read(15, 40, bad(15), later) == (None, None)


def test_what_cannot_be_decoded_after_that_begins_anew() -> None:
    chain = Chain()
    chain.read(1, 25, bad(15))
    assert chain.read(15, 50, bad(15), good(30), bad(40)) == (40, 2.0)


def test_of_several_the_first_that_still_stands_counts() -> None:
    chain = Chain()
    assert chain.read(1, 40, bad(15), bad(30)) == (15, 1.0)
    assert chain.read(10, 40, bad(30)) == (30, 1.0)
    assert chain.read(10, 45, good(20), bad(30)) == (30, 1.0)


def test_blocks_without_logs_and_what_stands_beside_transfers_end_nothing() -> None:
    chain = Chain()
    chain.read(1, 25, bad(15))
    assert chain.read(26, 40) == (None, 1.0)
    assert chain.read(26, 40, beside(30)) == (None, 1.0)


def test_it_ends_with_a_second_witness_or_with_its_block() -> None:
    agreed, replaced = Chain(), Chain()
    for chain in (agreed, replaced):
        chain.read(1, 25, bad(15))
    agreed.known.agreed([bad(15)])
    assert agreed.read(15, 26, bad(15)) == (None, None)
    assert replaced.read(15, 26, good(14)) == (None, None)


def test_what_is_read_first_is_looked_up_once() -> None:
    chain = Chain()
    chain.read(1, 25, bad(15), bad(20))
    assert [raw.split()[1] for raw in chain.known.to_look_up()] == [b"15", b"20"]
    chain.read(15, 40, bad(15), bad(20), bad(30))
    assert chain.known.to_look_up() == []


def test_nothing_is_looked_up_once_a_log_could_be_decoded() -> None:
    chain = Chain()
    chain.read(1, 25, bad(15))
    chain.known.to_look_up()
    chain.known.seen_before = chain.clock.now()
    chain.read(15, 40, bad(15), good(30))
    assert chain.known.seen_before is None
    chain.read(31, 50, bad(45))
    assert chain.known.to_look_up() == []
    other = Chain()
    other.read(1, 10)
    other.read(1, 25, good(15))
    other.read(16, 30, bad(25))
    assert other.known.to_look_up() == []
