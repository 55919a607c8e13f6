"""How much is asked for at a time, and what a refusal turns out to have been about."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.range_pace import LARGEST_SPAN, MOST_AT_ONCE, RangePace, RangeRetry, shrunk
from connext_monitor.core.rpc_refusal import Reaction, Refusal, classify

STRANGE = classify(-32000, "that is too much")
SIZE = classify(-32000, "block range too large")
RATE = classify(429, "Too Many Requests")


def refused(pace: RangePace, *refusals: Refusal) -> tuple[RangePace, list[RangeRetry]]:
    """After these, each of the span that was asked for then."""
    steps = []
    for refusal in refusals:
        pace, step = pace.after_refusal(refusal)
        steps.append(step)
    return pace, steps


def answered(pace: RangePace, times: int) -> list[int]:
    """The spans after each of so many answers."""
    spans = []
    for _ in range(times):
        pace = pace.after_answer(1)
        spans.append(pace.span)
    return spans


def test_a_span_grows_slowly_and_halves_when_refused_for_its_size() -> None:
    assert RangePace(1000).after_answer(0).span == 1251
    assert refused(RangePace(1000), SIZE)[0].span == 500


def test_one_range_is_asked_for_first_and_one_more_after_each_answer() -> None:
    pace, at_once = RangePace(), [RangePace().at_once]
    for _ in range(5):
        pace = pace.after_answer(1)
        at_once.append(pace.at_once)
    assert at_once == [1, 2, 3, MOST_AT_ONCE, MOST_AT_ONCE, MOST_AT_ONCE] == [1, 2, 3, 4, 4, 4]


def test_a_limit_that_the_text_names_is_kept_to() -> None:
    assert refused(RangePace(1000), classify(-32600, "limited to a 500 block range"))[0].span == 500


def test_an_answer_of_very_many_logs_makes_the_next_range_smaller() -> None:
    assert RangePace(1000).after_answer(50_000).span == 100


def test_a_refused_span_is_tried_again_only_after_some_answers() -> None:
    pace, _ = refused(RangePace(1000), SIZE)
    spans = answered(pace, 60)
    assert set(spans[:15]) == {500}
    assert spans[-1] > 1000


def test_a_larger_span_refused_repeatedly_is_tried_ever_more_rarely() -> None:
    pace, tries = RangePace(1000), []
    for number in range(2000):
        if pace.span > 500:
            tries.append(number)
            pace, _ = refused(pace, SIZE)
        else:
            pace = pace.after_answer(1)
    assert 3 <= len(tries) < 12


def test_a_size_that_was_taken_before_is_gone_back_to() -> None:
    pace = RangePace(1000).after_answer(1, 1000)
    assert refused(pace, SIZE)[0].span == 1000


def test_after_an_unknown_refusal_it_waits_once_then_tries_one_block() -> None:
    pace, steps = refused(RangePace(1000), STRANGE, STRANGE)
    assert (steps, pace.span) == ([RangeRetry.LATER, RangeRetry.SMALLER], 1)
    assert pace.after_answer(0).span == 500


def test_a_span_just_taken_and_now_refused_for_size_is_retried_first() -> None:
    pace = replace(RangePace(1000), accepted=1000)
    assert refused(pace, SIZE)[1] == [RangeRetry.LATER]


@pytest.mark.parametrize("refusal", [STRANGE, SIZE, RATE])
def test_when_one_block_is_refused_too_the_former_span_is_kept(
    refusal: Refusal,
) -> None:
    pace, steps = RangePace(1000), []
    while pace.not_for_size == 0:
        pace, step = pace.after_refusal(refusal)
        steps.append(step)
    assert len(steps) <= 12
    assert (pace.span, pace.limit, steps[-1]) == (1000, LARGEST_SPAN, RangeRetry.LATER)


def test_a_size_limit_misnamed_a_rate_is_found_and_remembered() -> None:
    pace, steps = refused(RangePace(1000), RATE, RATE, RATE)
    assert (steps, pace.span) == ([RangeRetry.LATER, RangeRetry.LATER, RangeRetry.SMALLER], 1)
    pace = pace.after_answer(0, 1)
    assert pace.span == 500
    assert refused(pace, RATE)[1] == [RangeRetry.SMALLER]


def test_silence_asks_for_less_and_for_one_at_a_time() -> None:
    silent = RangePace(1000).after_silence(1000)
    assert (silent.span, silent.at_once) == (500, 1)


def test_a_range_shorter_than_the_span_is_what_is_halved() -> None:
    assert RangePace(1000).after_silence(20).span == 10


def test_one_broken_answer_for_a_span_taken_before_changes_nothing() -> None:
    pace = RangePace(1000).after_answer(0, 1000)
    assert pace.after_silence(1).span == pace.span
    assert pace.after_silence(900).after_silence(900).span == 450


def test_a_rate_makes_no_range_smaller() -> None:
    pace, _ = refused(RangePace(1000), RATE)
    assert (pace.span, pace.at_once) == (1000, 1)


def test_a_range_that_takes_too_long_is_cut_to_what_was_read() -> None:
    assert RangePace(1000).after_long_read(1000, 130).span == 130
    assert RangePace(1000).after_long_read(1000, 0).span == 1


@given(
    st.lists(st.sampled_from(["answer", "many", "size", "strange", "rate", "silent", "long"]), max_size=200),
    st.lists(st.integers(1, LARGEST_SPAN), min_size=200, max_size=200),
)
def test_whatever_happens_something_is_asked_for_and_never_too_much(happened: list[str], asked: list[int]) -> None:
    pace = RangePace()
    for outcome, number in zip(happened, asked, strict=False):
        blocks = min(number, pace.span)
        match outcome:
            case "answer":
                pace = pace.after_answer(3, blocks)
            case "many":
                pace = pace.after_answer(10**6, blocks)
            case "silent":
                pace = pace.after_silence(blocks)
            case "long":
                pace = pace.after_long_read(blocks, blocks // 3)
            case _:
                pace, _ = pace.after_refusal({"size": SIZE, "strange": STRANGE, "rate": RATE}[outcome], blocks)
        assert 1 <= pace.span <= LARGEST_SPAN
        assert 1 <= pace.at_once <= MOST_AT_ONCE
        assert 1 <= pace.limit <= LARGEST_SPAN


@given(st.integers(1, LARGEST_SPAN), st.integers(1, LARGEST_SPAN), st.sampled_from([SIZE, STRANGE, RATE]))
def test_whatever_refusals_say_a_span_that_is_taken_is_found(cap: int, taken: int, refusal: Refusal) -> None:
    pace = RangePace().after_answer(1, min(taken, 1000))
    for _ in range(40):
        if pace.span <= cap and not pace.probing:
            break
        pace = pace.after_answer(1, 1) if pace.span <= cap else pace.after_refusal(refusal)[0]
    assert pace.span <= cap


@given(
    st.integers(2, 10_000),
    st.none() | st.integers(1, 10**6),
    st.none() | st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_a_span_shrinks_whatever_the_refusal_says(
    span: int, named: int | None, block_range: tuple[int, int] | None
) -> None:
    refusal = replace(Refusal(Reaction.RANGE, None, ""), max_blocks=named, block_range=block_range)
    assert 1 <= shrunk(span, refusal) < span
