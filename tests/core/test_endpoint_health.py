"""Which endpoint is used."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.endpoint_health import (
    EndpointFailure,
    EndpointHealth,
    ResponseTime,
    choose,
    health_after_use,
    preferred,
    usable_besides,
)

NOW = 1000.0
FRESH = EndpointHealth()
RESTING = EndpointHealth(failures=1, rests_until=NOW + 5)
DISTRUSTED = EndpointHealth(distrusted_until=NOW + 5)

healths = st.builds(
    EndpointHealth,
    failures=st.integers(0, 50),
    rests_until=st.floats(0, 2 * NOW),
    distrusted_until=st.floats(0, 2 * NOW),
)


def test_the_first_healthy_one_is_used_at_once() -> None:
    assert (choose([RESTING, FRESH, FRESH], NOW).index, choose([RESTING, FRESH], NOW).wait) == (1, 0)


def test_a_disbelieved_endpoint_is_the_last_resort() -> None:
    assert choose([DISTRUSTED, FRESH], NOW).index == 1
    assert choose([DISTRUSTED, RESTING], NOW).index == 0


def test_if_all_rest_the_first_to_be_rested_is_waited_for() -> None:
    longer = EndpointHealth(failures=3, rests_until=NOW + 9)
    assert (choose([longer, RESTING], NOW).index, choose([longer, RESTING], NOW).wait) == (1, 5)


def test_one_that_asks_to_be_left_alone_is_for_minutes_at_most() -> None:
    def rest(asked: float) -> float:
        return (
            health_after_use(FRESH, NOW, EndpointFailure.FAILED, 1.0, progressed=True, retry_after=asked).rests_until
            - NOW
        )

    assert (rest(0.0), rest(20.0), rest(3600.0)) == (0.5, 20, 300)


@given(st.lists(healths, min_size=1, max_size=5))
def test_some_endpoint_is_always_tried_within_ten_seconds(known: list[EndpointHealth]) -> None:
    choice = choose(known, NOW)
    assert 0 <= choice.index < len(known)
    assert 0 <= choice.wait <= 10


def test_failures_without_progress_rest_ever_longer_and_progress_starts_over() -> None:
    health = FRESH
    rests = []
    for _ in range(12):
        health = health_after_use(health, NOW, EndpointFailure.FAILED, 1.0, progressed=False)
        rests.append(health.rests_until - NOW)
    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (1, 300)
    assert health_after_use(health, NOW, EndpointFailure.FAILED, 1.0, progressed=True).rests_until - NOW == 0.5


def test_one_that_left_something_out_is_distrusted_for_half_an_hour() -> None:
    assert (
        health_after_use(FRESH, NOW, EndpointFailure.NOT_BELIEVED, 0.0, progressed=True).distrusted_until == NOW + 1800
    )


def test_only_a_healthy_one_that_stands_before_is_gone_back_to() -> None:
    assert preferred([FRESH, FRESH], 1, NOW) == 0
    assert preferred([RESTING, DISTRUSTED, FRESH], 2, NOW) is None
    assert preferred([FRESH, FRESH], 0, NOW) is None


def test_witnesses_are_the_others_that_do_not_rest_the_trusted_first() -> None:
    assert usable_besides([DISTRUSTED, RESTING, FRESH, FRESH], 3, NOW) == [2, 0]


def test_an_endpoint_is_slow_only_after_several_slow_answers() -> None:
    response_time = ResponseTime()
    for _ in range(7):
        response_time = response_time.after(10)
    assert not response_time.exceeds(3)
    assert response_time.after(10).exceeds(3)


def test_quick_answers_make_a_slow_endpoint_quick_again() -> None:
    response_time = ResponseTime(10, 100)
    for _ in range(40):
        response_time = response_time.after(0.01)
    assert not response_time.exceeds(3)
