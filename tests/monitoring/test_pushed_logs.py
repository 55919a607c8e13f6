"""What a subscription to logs owes, and for how long what it brought is remembered."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connext_monitor.core.events import BlockNumber, Hash32, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.decoded_log import DecodedLog
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.pushed_logs import PushedLogs
from tests.monitoring.made_up_logs import ORIGIN, xcalled_log, xcalled_raw
from tests.world.clocks import ManualClock

LATE = 10.0


def log_at(number: int) -> DecodedLog:
    raw = replace(
        xcalled_raw(1),
        block_number=BlockNumber(number),
        block_hash=Hash32(number.to_bytes(32)),
        tx_hash=Hash32((1 << 200 | number).to_bytes(32)),
    )
    return replace(xcalled_log(1), log=raw)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2024, 1, 1, tzinfo=UTC))


@pytest.fixture
def pushed(clock: ManualClock) -> PushedLogs:
    pushed = PushedLogs(clock, LATE)
    pushed.saw_head(Header(BlockNumber(1), Hash32(bytes(32)), Hash32(bytes(32)), Timestamp(1), None))
    return pushed


def cover(pushed: PushedLogs, *numbers: int) -> None:
    pushed.covered(Observation(ORIGIN, logs=[log_at(number) for number in numbers]))


def test_a_log_that_is_not_pushed_in_time_is_owed(clock: ManualClock, pushed: PushedLogs) -> None:
    pushed.brought(log_at(2).log)
    cover(pushed, 1, 2)
    clock.advance(LATE)
    assert not pushed.mute
    cover(pushed, 3)
    clock.advance(LATE - 1)
    assert not pushed.mute
    clock.advance(1)
    assert pushed.mute
    pushed.brought(log_at(3).log)
    assert not pushed.mute


def test_what_was_owed_stays_so_when_its_block_is_final(clock: ManualClock, pushed: PushedLogs) -> None:
    cover(pushed, 2)
    pushed.is_final(BlockNumber(2))
    clock.advance(LATE)
    assert pushed.mute


def test_final_blocks_read_again_owe_nothing(clock: ManualClock, pushed: PushedLogs) -> None:
    for number in (2, 3):
        pushed.brought(log_at(number).log)
    pushed.is_final(BlockNumber(2))
    cover(pushed, 2, 3)
    clock.advance(LATE)
    assert not pushed.mute


def test_what_was_pushed_is_forgotten_once_it_is_final(pushed: PushedLogs) -> None:
    logs = [log_at(number).log for number in range(2, 2_000)]
    tracemalloc.start()
    try:
        for log in logs:
            pushed.brought(log)
            pushed.is_final(BlockNumber(log.block_number - 20))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
