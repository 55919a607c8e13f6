"""What is said of a chain that is behind: whether history is being read."""

import math
from dataclasses import replace
from datetime import timedelta
from random import Random

from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from tests.monitoring.covering import manual_clock
from tests.monitoring.made_up_chain import CONFIG, hash_at
from tests.monitoring.nodes import http_client
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


def test_what_is_not_final_is_sure_as_of_its_last_reading() -> None:
    clock = manual_clock(NOW)
    state = following(clock)
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW))))
    state.reached_head(clock.monotonic())
    clock.advance(10)
    since = clock.monotonic()
    assert (state.has_reread(BlockNumber(400), since), state.has_reread(BlockNumber(401), since)) == (True, False)
    state.reached_head(since, again=False)
    assert not state.has_reread(BlockNumber(401), since)
    state.reached_head(since)
    assert state.has_reread(BlockNumber(401), since)


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


def after_a_restart(clock: ManualClock, seconds: int) -> ChainState:
    """A chain of two endpoints that has just begun to be observed again; it was covered last so many seconds ago."""
    endpoints = {"endpoints": ["ws://127.0.0.1:1", "ws://127.0.0.1:2"], "block_time": "PT12S"}
    state = ChainState(ChainConfig.model_validate(CONFIG | endpoints), clock, 120)
    block = BlockRef(BlockNumber(500), hash_at(500), Timestamp(NOW - seconds))
    state.recall(Coverage(BlockNumber(1), BlockNumber(400), block))
    return state


def test_a_silence_from_before_a_restart_goes_on_once_all_endpoints_failed() -> None:
    clock = manual_clock(NOW)
    state = after_a_restart(clock, 105)
    state.failed.add(0)
    clock.advance(19)
    state.failed.add(1)
    assert state.unseen_for == 19
    assert not state.has_reread(BlockNumber(450))
    clock.advance(1)
    assert (state.unseen_for, state.silent_for) == (125, 20)
    assert state.has_reread(BlockNumber(450))
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(501), hash_at(501), Timestamp(NOW))))
    assert state.unseen_for == 0


def test_after_a_long_downtime_a_start_has_a_fair_chance() -> None:
    clock = manual_clock(NOW)
    state = after_a_restart(clock, 86_400)
    state.failed.add(0)
    clock.advance(59)
    assert state.unseen_for == 59
    clock.advance(1)
    assert state.unseen_for == 86_460


async def test_an_endpoint_that_has_just_connected_has_its_chance() -> None:
    clock = manual_clock(NOW)
    state = after_a_restart(clock, 86_400)
    state.failed |= {0, 1}
    clock.advance(25)
    pool = EndpointPool(state.config, open_endpoint, clock, Random(1))  # noqa: S311 - spreads retries
    async with http_client("http://127.0.0.1:1") as client:
        state.connected(Endpoint(client), pool.endpoints[0])
        clock.advance(19)
        assert state.unseen_for == 44
        clock.advance(1)
        assert state.unseen_for == 86_445


def test_where_the_head_was_read_some_blocks_are_awaited() -> None:
    clock = manual_clock(NOW)
    state = after_a_restart(clock, 200)
    state.caught_up = True
    clock.advance(35)
    assert state.unseen_for == 35
    clock.advance(1)
    assert state.unseen_for == 236


def test_a_log_unreadable_before_a_restart_is_so_since_then() -> None:
    clock = manual_clock(NOW)
    state = after_a_restart(clock, 200)
    state.reached(Coverage(BlockNumber(1), BlockNumber(400), BlockRef(BlockNumber(501), hash_at(501), Timestamp(NOW))))
    state.caught_up, state.undecodable.since = True, clock.monotonic()
    state.undecodable.seen_before = clock.now() - timedelta(seconds=300)
    clock.advance(36)
    assert state.unseen_for == 336


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
