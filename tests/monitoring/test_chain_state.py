"""What is said of a chain that is behind: whether history is being read."""

import math
from dataclasses import replace

from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from tests.monitoring.covering import manual_clock
from tests.monitoring.made_up_chain import CONFIG, hash_at
from tests.world.clocks import ManualClock

NOW = 1_000_000


def following(clock: ManualClock) -> ChainState:
    """A chain whose head is stamped NOW."""
    state = ChainState(ChainConfig.model_validate(CONFIG), clock, 120)
    state.saw_head(Header(BlockNumber(500), hash_at(500), hash_at(499), Timestamp(NOW), None))
    return state


def test_history_is_read_while_more_than_five_minutes_of_blocks_are_left() -> None:
    state = following(manual_clock(NOW))
    assert state.reads_history(Timestamp(NOW - 301))
    assert not state.reads_history(Timestamp(NOW - 300))


def test_a_chain_once_caught_up_is_judged_however_far_its_head_jumps() -> None:
    state = following(manual_clock(NOW))
    state.caught_up = True
    assert not state.reads_history(Timestamp(NOW - 10_000))


def test_a_chain_that_never_catches_up_is_judged_after_an_hour() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    clock.advance(3599)
    assert state.reads_history(Timestamp(NOW - 10_000))
    clock.advance(1)
    assert not state.reads_history(Timestamp(NOW - 10_000))


def test_the_covered_head_is_what_is_observed() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    assert not state.observed
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW))))
    assert state.observed
    clock.advance(120)
    assert not state.observed


def test_a_block_that_is_not_final_is_sure_once_read_again() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    assert not state.has_reread(BlockNumber(400))
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW))))
    assert (state.has_reread(BlockNumber(400)), state.has_reread(BlockNumber(401))) == (True, False)
    state.caught_up = True
    assert state.has_reread(BlockNumber(401))
    state.disconnected()
    assert not state.has_reread(BlockNumber(401))


def test_what_was_read_before_a_store_outage_ended_is_not_sure() -> None:
    clock, works_for = manual_clock(NOW), math.inf
    state = ChainState(ChainConfig.model_validate(CONFIG), clock, 120, store_works_for=lambda: works_for)
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW))))
    state.reached_head(clock.monotonic())
    assert state.has_reread(BlockNumber(401))
    clock.advance(1000)
    works_for = 10.0
    assert (state.has_reread(BlockNumber(400)), state.has_reread(BlockNumber(401))) == (True, False)
    state.reached_head(clock.monotonic() - 11)
    assert not state.has_reread(BlockNumber(401))
    state.reached_head(clock.monotonic() - 10)
    assert state.has_reread(BlockNumber(401))


def test_an_outage_of_the_store_puts_no_chain_out_of_sight() -> None:
    clock, works_for = manual_clock(NOW), 0.0
    state = ChainState(ChainConfig.model_validate(CONFIG), clock, 120, store_works_for=lambda: works_for)
    clock.advance(1000)
    works_for = 119.0
    assert not state.has_reread(BlockNumber(401))
    works_for = 120.0
    assert state.has_reread(BlockNumber(401))


def test_what_follows_a_final_block_that_was_replaced_is_not_sure() -> None:
    state = following(manual_clock(NOW))
    read = Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW)))
    state.reached(read)
    state.caught_up = True
    state.reached(replace(read, checkpoint=BlockNumber(300)))
    assert (state.has_reread(BlockNumber(300)), state.has_reread(BlockNumber(301))) == (True, False)


def test_what_was_read_last_counts_while_a_chain_is_out_of_sight() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    clock.advance(119)
    assert not state.has_reread(BlockNumber(401))
    clock.advance(1)
    assert state.has_reread(BlockNumber(401))


def test_the_time_since_a_block_became_final_is_shown() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    for seconds, checkpoint, still_for in (
        (100.0, 400, 0.0),
        (300.0, 400, 200.0),
        (700.0, 400, 600.0),
        (800.0, 401, 0.0),
    ):
        clock.advance(seconds - clock.passed)
        end = BlockRef(BlockNumber(500 + int(seconds)), hash_at(500), Timestamp(NOW))
        state.reached(Coverage(BlockNumber(1), BlockNumber(checkpoint), end))
        assert state.sight().final_still_for == still_for


def test_a_nonce_that_nobody_says_is_told_of_once_that_lasts() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    state.nonce_not_said("node.example refused eth_call")
    clock.advance(119)
    state.nonce_not_said("node.example refused eth_call again")
    assert state.sight().nonce_trouble is None
    clock.advance(1)
    assert state.sight().nonce_trouble == "node.example refused eth_call again"
    state.nonce_not_said(None)
    assert state.sight().nonce_trouble is None


def test_of_what_is_final_only_the_checkpoint_itself_is_remembered() -> None:
    state = following(manual_clock(NOW))
    for number in range(100, 501):
        state.saw_head(Header(BlockNumber(number), hash_at(number), hash_at(number - 1), Timestamp(NOW), None))
        state.verified.add(hash_at(number))
    end = BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW))
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), end))
    assert [n for n in range(100, 501) if state.headers.get(hash_at(n)) is not None] == list(range(400, 501))
    assert [n for n in range(100, 501) if hash_at(n) in state.verified] == list(range(400, 501))


def test_what_is_not_final_stays_at_hand_while_the_checkpoint_stands_still() -> None:
    state = following(manual_clock(NOW))
    end = BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW))
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), end))
    old = Header(BlockNumber(399), hash_at(399), hash_at(398), Timestamp(NOW), None)
    state.headers.add(old)
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), end))
    assert state.headers.get(hash_at(399)) == old
