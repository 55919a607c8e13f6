"""How much is asked for at a time."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.pace import LARGEST_SPAN, MOST_AT_ONCE, Pace
from connext_monitor.core.rpc_refusal import classify

REFUSED = classify(-32000, "that is too much")


def test_it_grows_slowly_after_answers_and_halves_after_a_refusal() -> None:
    assert (Pace(1000).after_answer(0).span, Pace(1000).after_refusal(REFUSED).span) == (1251, 500)


def test_a_limit_that_the_text_names_is_kept_to() -> None:
    assert Pace(1000).after_refusal(classify(-32600, "limited to a 500 block range")).span == 500


def test_an_answer_of_very_many_logs_makes_the_next_range_smaller() -> None:
    assert Pace(1000).after_answer(50_000).span == 100


def test_a_refused_span_is_not_asked_for_again_soon_and_is_after_many_answers() -> None:
    pace = Pace(1000).after_refusal(REFUSED)
    spans = []
    for _ in range(150):
        pace = pace.after_answer(1)
        spans.append(pace.span)
    assert set(spans[:90]) == {500}
    assert spans[-1] > 500


def test_silence_asks_for_less_and_for_one_at_a_time() -> None:
    silent = Pace(1000).after_silence(1000)
    assert (silent.span, silent.at_once) == (500, 1)


def test_a_range_shorter_than_the_span_is_what_is_halved() -> None:
    assert Pace(1000).after_silence(20).span == 10


def test_a_rate_limit_makes_no_range_smaller() -> None:
    limited = Pace(1000).after_rate_limit()
    assert (limited.span, limited.at_once) == (1000, 1)


@given(st.lists(st.sampled_from(["answer", "many", "refused", "silent", "rate"])))
def test_whatever_happens_something_is_asked_for_and_never_too_much(happened: list[str]) -> None:
    pace = Pace()
    for one in happened:
        match one:
            case "answer":
                pace = pace.after_answer(3)
            case "many":
                pace = pace.after_answer(10**6)
            case "refused":
                pace = pace.after_refusal(REFUSED)
            case "silent":
                pace = pace.after_silence(1000)
            case _:
                pace = pace.after_rate_limit()
        assert 1 <= pace.span <= LARGEST_SPAN
        assert 1 <= pace.at_once <= MOST_AT_ONCE
