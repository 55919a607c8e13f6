"""What a channel's answers hold: all of it, its edits, or one message; and what is tried next."""

from dataclasses import replace
from math import inf

import pytest

from connext_monitor.core.delivery import Change, FailureCause, TryLater
from connext_monitor.core.holds import Attempt, Held, Holds, Lane, delivery_key, in_turn, independent
from connext_monitor.core.queue import QueuedDelivery
from tests.world.alerts import NOW, OPENED, transfer_alert

HEAD, NEXT = Attempt("head", Lane.NEWS, 0), Attempt("next", Lane.NEWS, 0)
EDIT = Attempt("edit", Lane.EDITS, 0)
FAILED = TryLater("answered 500", cause=FailureCause.SERVER_ERROR)
UNREACHABLE = TryLater("cannot be reached", cause=FailureCause.UNREACHABLE)
LIMITED = TryLater("answered 429", 30.0, FailureCause.RATE_LIMITED)
JITTER = 1.0


@pytest.fixture
def holds() -> Holds:
    return Holds()


def test_a_failure_holds_the_whole_channel(holds: Holds) -> None:
    assert holds.failed(HEAD, FAILED, 100.0, JITTER) == 1.0
    held = holds.at(100.0, 100.0)
    assert held.until("anything", Lane.NEWS) == held.until("anything", Lane.EDITS) == 101.0


def test_failures_in_a_row_wait_ever_longer(holds: Holds) -> None:
    assert [holds.failed(delivery, FAILED, 0.0, JITTER) for delivery in (HEAD, NEXT, HEAD)] == [1.0, 2.0, 4.0]


def test_a_failed_edit_holds_edits_only(holds: Holds) -> None:
    holds.failed(EDIT, LIMITED, 100.0, JITTER)
    held = holds.at(100.0, 100.0)
    assert held.until("news", Lane.NEWS) < 100.0
    assert held.until("another", Lane.EDITS) == 130.0


def test_what_is_taken_ends_the_hold(holds: Holds) -> None:
    holds.failed(HEAD, LIMITED, 100.0, JITTER)
    holds.taken(HEAD)
    assert holds.at(100.0, 100.0).until("next", Lane.NEWS) < 100.0
    assert holds.failed(HEAD, FAILED, 200.0, JITTER) == 1.0


def test_what_is_refused_waits_by_itself(holds: Holds) -> None:
    holds.refused(HEAD, "answered 400", 100.0, JITTER)
    held = holds.at(100.0, 100.0)
    assert held.until("head", Lane.NEWS) == 101.0
    assert held.until("next", Lane.NEWS) < 100.0
    assert held.turn("head") == inf


def test_a_channel_that_refuses_everything_is_asked_ever_more_seldom(holds: Holds) -> None:
    pauses = []
    for number in range(12):
        holds.refused(Attempt(str(number), Lane.NEWS, 0), "answered 400", 0.0, JITTER)
        pauses.append(max(0.0, holds.at(0.0, 0.0).until("new", Lane.NEWS)))
    assert pauses == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    holds.taken(NEXT)
    assert holds.at(0.0, 0.0).until("new", Lane.NEWS) < 0.0


def test_after_four_failures_another_message_is_tried_first(holds: Holds) -> None:
    for _ in range(4):
        assert holds.at(0.0, 0.0).turn("head") == -inf
        holds.failed(HEAD, FAILED, 0.0, JITTER)
    assert holds.at(0.0, 0.0).turn("head") == 0.0


def test_messages_take_turns_while_the_blame_is_unknown(holds: Holds) -> None:
    """Several that are poisoned cost a try each; and where the channel was at fault, none is tried for ever."""
    waiting = {f"message {number}": Attempt(f"message {number}", Lane.NEWS, 0) for number in range(4)}
    order = []
    for second in range(12):
        held = holds.at(float(second), float(second))
        turn = min(waiting, key=lambda key: (held.turn(key), key))
        order.append(int(turn[-1]))
        holds.failed(waiting[turn], FAILED, float(second), JITTER)
    assert order == [0, 0, 0, 0, 1, 2, 3, 0, 1, 2, 3, 0]
    holds.taken(waiting["message 1"])
    # Once one was taken, the order is theirs again.
    assert not holds.at(12.0, 12.0).doubted


def test_what_fails_again_after_another_was_taken_waits_by_itself(holds: Holds) -> None:
    holds.failed(HEAD, FAILED, 0.0, JITTER)
    holds.taken(NEXT)
    assert holds.at(0.0, 0.0).turn("head") == -inf
    holds.failed(replace(HEAD, attempts=1), FAILED, 100.0, JITTER)
    held = holds.at(100.0, 100.0)
    assert held.until("head", Lane.NEWS) == 102.0
    assert held.until("next", Lane.NEWS) < 100.0


@pytest.mark.parametrize("outcome", [LIMITED, UNREACHABLE], ids=["limited", "unreachable"])
def test_an_unreachable_channel_is_never_blamed_on_a_message(holds: Holds, outcome: TryLater) -> None:
    for _ in range(9):
        holds.failed(HEAD, outcome, 0.0, JITTER)
    assert holds.at(0.0, 0.0).turn("head") == -inf
    holds.taken(NEXT)
    holds.failed(HEAD, outcome, 100.0, JITTER)
    assert holds.at(100.0, 100.0).turn("head") == -inf
    assert holds.at(100.0, 100.0).until("next", Lane.NEWS) > 100.0


def test_our_own_fault_is_the_message_s(holds: Holds) -> None:
    holds.failed(HEAD, TryLater("failed on it", cause=FailureCause.FAULT), 100.0, JITTER)
    assert holds.at(100.0, 100.0).until("next", Lane.NEWS) < 100.0


def test_an_untaken_message_is_reported_until_it_is_taken(holds: Holds) -> None:
    holds.refused(HEAD, "answered 400 Bad Request", 0.0, JITTER)
    holds.taken(NEXT)
    assert holds.not_taken == "does not take one message, though it takes others: answered 400 Bad Request"
    holds.taken(HEAD)
    assert holds.not_taken is None


def test_an_untaken_edit_is_not_reported(holds: Holds) -> None:
    holds.refused(EDIT, "answered 400 Bad Request", 0.0, JITTER)
    assert holds.not_taken is None


def test_instants_are_seen_as_times_of_day(holds: Holds) -> None:
    holds.failed(HEAD, LIMITED, 100.0, JITTER)
    held = holds.at(110.0, 1_000_000.0)
    assert (held.until("head", Lane.NEWS), held.tried_at) == (1_000_020.0, 999_990.0)


# --- deliveries told each by itself ---


def queued(number: int, attempts: int = 0) -> QueuedDelivery:
    return QueuedDelivery(number, "ops", Change.OPENED, transfer_alert(number), None, None, attempts, 0.0, NOW)


def ids(held: Held, *deliveries: QueuedDelivery) -> list[int]:
    return [delivery.id for _, delivery in in_turn(deliveries, held)]


def test_retries_go_first_then_the_order_of_the_ids() -> None:
    assert ids(Held(), queued(3, 1), queued(1), queued(2)) == [3, 1, 2]


def test_a_message_on_its_own_hold_goes_last() -> None:
    held = Held(alone={delivery_key(1): 500.0})
    turns = in_turn([queued(1, 2), queued(2)], held)
    assert [(delivery.id, at) for at, delivery in turns][1] == (1, 500.0)
    assert turns[0][0] < 0


def test_a_new_critical_alert_cuts_the_hold_of_all() -> None:
    asked = NOW.timestamp() + 3600
    held = Held(news_until=asked, tried_at=NOW.timestamp() - 1)
    waiting = [queued(1, 2), queued(2)]
    assert {at for at, _ in in_turn(waiting, held, newest_critical=NOW.timestamp())} == {NOW.timestamp() + 59}
    assert {at for at, _ in in_turn(waiting, held, newest_critical=NOW.timestamp() - 3600)} == {asked}
    assert {at for at, _ in in_turn(waiting, held)} == {asked}


def test_of_an_alert_only_the_first_delivery_is_believed() -> None:
    twice = [queued(1), replace(queued(2), alert=OPENED), replace(queued(3), alert=OPENED), queued(4)]
    assert [delivery.id for delivery in independent(twice)] == [1, 2]
