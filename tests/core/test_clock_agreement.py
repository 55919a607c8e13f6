"""What time it is, where our clock or a chain's block times are wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.clock_agreement import (
    ChainClock,
    ClockState,
    agreed,
    difference,
    earliest,
    is_supported,
    offsets,
)

RIGHT = 1_700_000_000.0
HOUR, YEAR = 3600.0, 31_536_000.0


def heads(*stamped: tuple[float, float]) -> ChainClock:
    """A chain's clock after heads: each a block time and when it came."""
    clock = ChainClock.begun(*stamped[0])
    for block_time, at in stamped[1:]:
        clock = clock.after(block_time, at)
    return clock


def ticking(seconds: int, *, every: int = 1, stamped: float = RIGHT, began: float = 0.0) -> ChainClock:
    """A chain with a block every so often, in step with time."""
    return heads(*((stamped + at, began + at) for at in range(0, seconds + 1, every)))


# What a chain says


@pytest.mark.parametrize("every", [1, 2, 12])
def test_a_chain_in_step_tells_the_time(every: int) -> None:
    assert ticking(60, every=every).offset == RIGHT


def test_the_first_seconds_tell_nothing() -> None:
    assert ticking(9).offset is None


def test_one_missed_slot_of_twelve_seconds_is_still_in_step() -> None:
    assert heads((RIGHT, 0), (RIGHT + 12, 12.5), (RIGHT + 36, 35.8)).offset == pytest.approx(RIGHT, abs=1)


def test_a_chain_that_stands_still_tells_nothing() -> None:
    assert heads((RIGHT - HOUR, 0)).offset is None


def test_blocks_shown_faster_than_time_passes_tell_nothing() -> None:
    """As an endpoint that catches up shows them."""
    assert heads(*((RIGHT - 10 * HOUR + 30 * at, at) for at in range(300))).offset is None


def test_block_times_that_stand_still_tell_nothing() -> None:
    assert heads(*((RIGHT - HOUR, at) for at in range(300))).offset is None


def test_what_was_queued_while_the_program_stood_still_tells_nothing() -> None:
    """Five minutes of blocks come at once; what the chain said before stands, and soon it is in step again."""
    before = ticking(60)
    queued = before
    for second in range(61, 361):
        queued = queued.after(RIGHT + second, 361.0)
    assert queued.offset == before.offset
    after = queued
    for second in range(362, 400):
        after = after.after(RIGHT + second, float(second))
    assert (after.offset, after.in_step_at) == (RIGHT, 399.0)


def test_what_a_chain_said_long_ago_is_forgotten() -> None:
    chain = ticking(60)
    assert offsets([chain], 600.0) == [RIGHT]
    assert offsets([chain], 700.0) == []


def test_the_last_head_says_the_time_at_once() -> None:
    assert heads((RIGHT, 10)).time(25.0) == RIGHT + 15


# Whom to believe


def test_without_chains_our_clock_is_right() -> None:
    assert agreed(RIGHT + YEAR, RIGHT, []) == RIGHT + YEAR


@pytest.mark.parametrize("chains", [[RIGHT], [RIGHT, RIGHT + 2], [RIGHT, RIGHT, RIGHT - YEAR]])
@pytest.mark.parametrize("jump", [YEAR, -YEAR, 3000.0, -3000.0, 90.0])
def test_a_jump_that_the_chains_contradict_is_left_out(chains: list[float], jump: float) -> None:
    assert agreed(RIGHT + jump, RIGHT + 1, chains) == RIGHT + 1


@pytest.mark.parametrize("chains", [[RIGHT], [RIGHT, RIGHT + 2], []])
def test_a_clock_that_is_set_right_is_believed_at_once(chains: list[float]) -> None:
    assert agreed(RIGHT + 1, RIGHT - 3000, chains) == RIGHT + 1


def test_small_steps_are_followed() -> None:
    assert agreed(RIGHT + 20, RIGHT, [RIGHT, RIGHT]) == RIGHT + 20


def test_a_clock_wrong_from_the_start_yields_to_agreeing_chains() -> None:
    assert agreed(RIGHT - 3000, None, [RIGHT, RIGHT + 3]) == RIGHT
    assert agreed(RIGHT - 3000, RIGHT - 3000, [RIGHT, RIGHT + 3]) == RIGHT


def test_one_chain_alone_is_not_believed_against_our_clock() -> None:
    assert agreed(RIGHT, None, [RIGHT + YEAR]) == RIGHT
    assert agreed(RIGHT, RIGHT, [RIGHT + YEAR, RIGHT]) == RIGHT
    assert agreed(RIGHT, RIGHT, [RIGHT + YEAR, RIGHT - YEAR]) == RIGHT


def test_a_jump_that_one_of_two_chains_makes_too_is_left_out() -> None:
    assert agreed(RIGHT + YEAR, RIGHT, [RIGHT + YEAR, RIGHT]) == RIGHT


def test_what_is_gone_by_stays_the_same_while_chains_differ_by_seconds() -> None:
    gone_by = agreed(RIGHT - HOUR, None, [RIGHT, RIGHT + 3])
    assert agreed(RIGHT - HOUR, gone_by, [RIGHT + 3, RIGHT + 4]) == gone_by


CLOCKS = st.floats(min_value=0, max_value=4 * RIGHT)


@given(honest=st.integers(1, 5), liars=st.lists(CLOCKS, max_size=5), jump=CLOCKS)
def test_while_most_chains_are_honest_nothing_moves_the_time(honest: int, liars: list[float], jump: float) -> None:
    chains = [RIGHT] * honest + liars[: honest - 1]
    assert abs(agreed(jump, RIGHT, chains) - RIGHT) <= 60


@given(own=CLOCKS, chains=st.lists(CLOCKS, min_size=1, max_size=6))
def test_the_irreversible_waits_for_our_clock_and_half_the_chains(own: float, chains: list[float]) -> None:
    at = earliest(own, chains)
    assert at is not None
    assert at <= own
    assert 2 * sum(at <= chain for chain in chains) >= len(chains)


def test_nothing_is_undone_while_no_chain_says_anything() -> None:
    assert earliest(RIGHT, []) is None


def test_a_time_counts_as_settled_when_a_chain_agrees() -> None:
    assert is_supported(RIGHT, [RIGHT + 59, RIGHT - YEAR])
    assert not is_supported(RIGHT, [RIGHT + 61])
    assert not is_supported(RIGHT, [])


# What is said of it


@pytest.mark.parametrize(
    ("chains", "ahead"),
    [
        ([], None),
        ([RIGHT - 100], 100),
        ([RIGHT - 100, RIGHT - 2], 2),
        ([RIGHT + 100, RIGHT - 3, RIGHT - 4], 3),
        ([RIGHT + 100, RIGHT + 101, RIGHT - 4], -100),
    ],
)
def test_the_difference_is_that_to_the_chain_in_the_middle(chains: list[float], ahead: float | None) -> None:
    assert difference(RIGHT, chains) == ahead


def test_a_clock_that_differs_is_a_sentence() -> None:
    assert ClockState(-3000, differs=True).words == "this machine's clock is 50 min behind the chains' block times"
    assert ClockState(90, differs=True).words == "this machine's clock is 1 min 30 s ahead of the chains' block times"
    assert ClockState(90).words is None
    assert ClockState().words is None
