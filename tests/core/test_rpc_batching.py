"""What is learned of an endpoint's batches."""

from connext_monitor.core.rpc_batching import MOST_CALLS, RpcBatching

WHOLE = RpcBatching(size=MOST_CALLS)


def test_batches_double_while_they_are_answered() -> None:
    batching, sizes = RpcBatching(), []
    for _ in range(6):
        sizes.append(batching.calls(0.0))
        batching = batching.after_answer(sizes[-1])
    assert sizes == [4, 8, 16, 32, MOST_CALLS, MOST_CALLS]


def test_half_as_many_are_asked_for_where_their_number_was_refused() -> None:
    assert WHOLE.after_failure(50, 100.0, for_size=True).calls(100.0) == 25


def test_none_are_sent_where_fewer_would_not_help() -> None:
    assert WHOLE.after_failure(50, 100.0, for_size=False).calls(100.0) == 1


def test_those_under_way_at_a_failure_count_once() -> None:
    first = WHOLE.after_failure(50, 100.0, for_size=True)
    assert first.after_failure(50, 101.0, for_size=True) == first


def test_more_are_tried_after_a_rest_that_grows_to_an_hour() -> None:
    batching, now, rests = WHOLE, 0.0, []
    for _ in range(6):
        batching = batching.after_failure(batching.calls(now), now, for_size=False)
        rests.append(batching.again_at - now)
        now = batching.again_at
        assert (batching.calls(now - 1), batching.calls(now)) == (1, 2)
    assert rests == [300, 600, 1200, 2400, 3600, 3600]


def test_after_a_rest_batches_grow_as_at_first() -> None:
    rested = WHOLE.after_failure(50, 0.0, for_size=False)
    assert rested.after_answer(2).calls(300.0) == 4
