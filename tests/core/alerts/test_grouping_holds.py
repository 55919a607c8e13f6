"""What was tried, and what is held: which message goes next."""

from dataclasses import replace

from connext_monitor.core.alerts.delivery_action import ActionReason, SendAlert, SendGroup, Wait
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery import Change
from connext_monitor.core.holds import Held
from connext_monitor.core.queue import Queue, Retry, Waiting, WaitingEnd
from tests.core.alerts.waiting_alerts import GROUP, NOW, OTHER, SENT, WAITING, action, held

TRIED = Queue([Waiting(OTHER, 1, 5, NOW - 1, NOW - 1)], retries=[Retry(7, Change.OPENED, NOW)])


def test_what_was_tried_goes_before_everything_else() -> None:
    assert action(TRIED) == SendAlert(7, ActionReason.TRIED)


def test_a_channel_that_is_held_is_told_nothing_until_then() -> None:
    assert held(TRIED, Held(news_until=NOW + 5)) == Wait(NOW + 5)
    assert held(TRIED, Held(news_until=NOW + 5), NOW + 5) == SendAlert(7, ActionReason.TRIED)


def test_what_waits_by_itself_lets_the_others_pass_and_comes_after_them() -> None:
    assert held(TRIED, Held(alone={"delivery 7": NOW + 5})) == SendAlert(5, ActionReason.LONE)
    assert held(TRIED, Held(alone={"delivery 7": NOW})) == SendAlert(5, ActionReason.LONE)
    assert held(replace(TRIED, waiting=[]), Held(alone={"delivery 7": NOW})) == SendAlert(7, ActionReason.TRIED)


def test_what_failed_often_is_tried_after_another() -> None:
    assert held(TRIED, Held(doubted={"delivery 7": 0.0})) == SendAlert(5, ActionReason.LONE)


def test_what_failed_often_is_tried_after_an_edit_too() -> None:
    """An edit that is taken shows whose fault it is: else the one message would hold up all edits."""
    queue = replace(TRIED, waiting=[], end=WaitingEnd(9, NOW - 5))
    assert held(queue, Held(doubted={"delivery 7": 0.0})) == SendAlert(9, ActionReason.ENDED)


def test_news_goes_before_edits() -> None:
    queue = Queue([WAITING], end=WaitingEnd(9, NOW - 5), groups=[replace(SENT, topic=OTHER, open=0)])
    assert action(queue) == SendAlert(7, ActionReason.LONE)
    assert action(replace(queue, waiting=[])) == SendGroup(3, Change.RESOLVED, ActionReason.ENDED)


def test_edits_that_are_held_hold_up_no_news() -> None:
    queue = Queue([WAITING], end=WaitingEnd(9, NOW - 5), groups=[replace(SENT, topic=OTHER, open=0)])
    only_edits = Held(edits_until=NOW + 600)
    assert held(queue, only_edits) == SendAlert(7, ActionReason.LONE)
    assert held(replace(queue, waiting=[]), only_edits) == Wait(NOW + 600)


def test_a_channel_that_is_held_gets_no_edits_either() -> None:
    assert held(Queue(end=WaitingEnd(9, NOW - 5)), Held(news_until=NOW + 600)) == Wait(NOW + 600)


def test_where_ends_are_messages_of_their_own_they_keep_their_turn() -> None:
    queue = Queue([WAITING], end=WaitingEnd(9, NOW - 5))
    assert action(queue, DigestMode.DIGEST) == SendAlert(9, ActionReason.ENDED)


def test_a_new_critical_alert_cuts_a_long_hold_to_a_minute() -> None:
    long = Held(news_until=NOW + 3000, tried_at=NOW - 30)
    calling = Queue([replace(WAITING, critical=True)], retries=TRIED.retries)
    assert held(calling, long) == Wait(NOW + 30)
    assert held(calling, long, NOW + 30) == SendAlert(7, ActionReason.TRIED)
    assert held(Queue([WAITING]), long) == Wait(NOW + 3000)


def test_a_growing_burst_cuts_a_long_hold_short() -> None:
    long = Held(news_until=NOW + 3000, tried_at=NOW - 30)
    untold = replace(GROUP, attempts=1)
    assert held(Queue(groups=[replace(untold, newest=NOW - 1)]), long) == Wait(NOW + 30)
    assert held(Queue(groups=[replace(untold, newest=NOW - 40)]), long) == Wait(NOW + 3000)


def test_a_critical_alert_that_waited_at_the_last_try_cuts_no_hold() -> None:
    long = Held(news_until=NOW + 3000, tried_at=NOW + 1)
    assert held(Queue([replace(WAITING, critical=True)]), long) == Wait(NOW + 3000)
