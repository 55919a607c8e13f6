"""What is told together, and when: each rule by example."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.delivery_action import (
    ActionReason,
    FormGroup,
    JoinGroup,
    NoteEnds,
    SendAlert,
    SendGroup,
    Wait,
)
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import BURST, is_fresh
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId, Pathway, TransferId
from connext_monitor.core.holds import Held
from connext_monitor.core.queue import BATCH, GroupMessage, Queue, RecentOpenings, Topic, Waiting, WaitingEnd
from tests.core.alerts.waiting_alerts import GROUP, NOW, OTHER, SENT, TOPIC, WAITING, action, held, waiting
from tests.world.kinds import chain_unobserved, overdue

# --- lone alerts ---


def test_a_lone_alert_is_told_at_once() -> None:
    assert action(waiting(1)) == SendAlert(7, ActionReason.LONE)


def test_nothing_to_tell_is_nothing_to_wait_for() -> None:
    assert action(Queue()) == Wait(None)


def test_what_follows_close_on_another_waits_for_its_like() -> None:
    queue = replace(waiting(1), recent={TOPIC: RecentOpenings(1, NOW - 1)})
    assert action(queue) == Wait(NOW + 2)
    assert action(queue, now=NOW + 2) == SendAlert(7, ActionReason.FEW)


def test_what_follows_after_a_while_is_told_at_once() -> None:
    assert action(replace(waiting(1), recent={TOPIC: RecentOpenings(1, NOW - 2)})) == SendAlert(7, ActionReason.LONE)


def test_another_topic_makes_nobody_wait() -> None:
    assert action(replace(waiting(1), recent={OTHER: RecentOpenings(3, NOW)})) == SendAlert(7, ActionReason.LONE)


def test_old_news_waits_for_its_like() -> None:
    assert action(waiting(1, fresh=False)) == Wait(NOW + 2)


def test_an_end_is_told_at_once() -> None:
    assert action(Queue(end=WaitingEnd(9, NOW))) == SendAlert(9, ActionReason.ENDED)


def test_what_has_waited_longest_is_told_first() -> None:
    queue = Queue([WAITING, Waiting(OTHER, 1, 5, NOW - 1, NOW - 1)], end=WaitingEnd(9, NOW - 0.5))
    assert action(queue) == SendAlert(5, ActionReason.LONE)


# --- bursts ---


def test_a_few_are_told_one_by_one() -> None:
    assert isinstance(action(waiting(BURST)), SendAlert)


def test_more_than_a_few_become_a_group() -> None:
    assert action(waiting(BURST + 1)) == FormGroup(TOPIC, 0, ActionReason.BURST)


def test_those_told_lately_count_as_part_of_the_burst() -> None:
    queue = replace(waiting(1), recent={TOPIC: RecentOpenings(BURST, NOW - 50)})
    assert action(queue) == FormGroup(TOPIC, BURST, ActionReason.BURST)


def test_a_burst_is_told_when_it_is_gathered() -> None:
    growing = replace(GROUP, oldest=NOW - 1, newest=NOW)
    assert action(Queue(groups=[growing])) == Wait(NOW + 1)
    assert action(Queue(groups=[GROUP])) == SendGroup(3, Change.OPENED, ActionReason.GATHERED)


def test_a_burst_that_still_grows_is_told_after_three_waits_at_most() -> None:
    growing = replace(GROUP, oldest=NOW - 5.75, newest=NOW)
    assert action(Queue(groups=[growing])) == Wait(NOW + 0.25)
    assert isinstance(action(Queue(groups=[replace(growing, oldest=NOW - 6)])), SendGroup)


def test_what_is_all_over_before_it_was_told_is_told_as_that() -> None:
    assert action(Queue(groups=[replace(GROUP, open=0)])) == SendGroup(3, Change.RESOLVED, ActionReason.GATHERED)


def test_a_new_one_joins_the_group_that_is_open() -> None:
    queue = Queue([WAITING], groups=[SENT])
    assert action(queue) == Wait(NOW + 1)
    assert action(queue, now=NOW + 1) == JoinGroup(3, TOPIC, 10)


def test_a_full_batch_is_put_into_its_group_at_once() -> None:
    assert action(Queue([replace(WAITING, count=BATCH)], groups=[GROUP])) == JoinGroup(3, TOPIC, BATCH)


def test_a_doubled_group_is_closed_and_the_rest_follows_an_interval_later() -> None:
    # An edit pings nobody, so it does not put off the next that does.
    doubled = replace(SENT, members=20, formed_at=NOW - 30, message=GroupMessage(NOW - 1, 20, 10))
    queue = Queue([WAITING], groups=[doubled])
    assert action(queue) == Wait(NOW + 30)
    assert action(queue, now=NOW + 30) == FormGroup(TOPIC, 20, ActionReason.GROWN)


@pytest.mark.parametrize(
    ("mode", "editable"), [(DigestMode.DIGEST, True), (DigestMode.CHANGING_DIGEST, False)], ids=["never", "nameless"]
)
def test_what_follows_a_fixed_message_is_told_within_an_interval(mode: DigestMode, *, editable: bool) -> None:
    # What counts is when it was told, however long after it was formed.
    sent = replace(SENT, formed_at=NOW - 70, message=GroupMessage(NOW - 20, 10, 10), editable=editable)
    lone, burst = replace(waiting(1), groups=[sent]), replace(waiting(BURST + 1), groups=[sent])
    assert action(lone, mode) == action(burst, mode) == Wait(NOW + 40)
    assert action(lone, mode, now=NOW + 40) == SendAlert(7, ActionReason.LONE)
    assert action(burst, mode, now=NOW + 40) == FormGroup(TOPIC, 10, ActionReason.BURST)


def test_a_later_group_takes_as_many_as_are_known_by_then() -> None:
    assert replace(SENT, before=20).room == 30


def test_a_group_that_has_ended_takes_no_more() -> None:
    assert replace(SENT, open=0).room == 0


def test_members_ends_are_noted_once_a_second() -> None:
    queue = Queue(groups=[SENT], member_ends=1, ends_since=NOW)
    assert action(queue) == Wait(NOW + 1)
    assert action(queue, now=NOW + 1) == NoteEnds()


def test_what_waits_longest_is_put_into_its_group_first() -> None:
    theirs = replace(SENT, id=4, topic=OTHER)
    queue = Queue([Waiting(TOPIC, 1, 7, NOW, NOW), Waiting(OTHER, 1, 8, NOW - 1, NOW)], groups=[SENT, theirs])
    assert action(queue, now=NOW + 9) == JoinGroup(4, OTHER, 10)


def test_a_due_group_takes_only_its_own_alerts() -> None:
    theirs = replace(SENT, id=4, topic=OTHER)
    queue = Queue([Waiting(OTHER, 1, 8, NOW, NOW)], groups=[GROUP, theirs])
    assert action(queue) == SendGroup(3, Change.OPENED, ActionReason.GATHERED)


def test_a_group_that_is_due_takes_what_belongs_to_it_first() -> None:
    assert isinstance(action(Queue([WAITING], groups=[replace(GROUP, oldest=NOW - 9)])), JoinGroup)


def test_a_due_group_does_not_wait_forever_for_a_stream() -> None:
    late = replace(GROUP, oldest=NOW - 20, newest=NOW - 20, formed_at=NOW - 20)
    assert isinstance(action(Queue([replace(WAITING, newest=NOW)], groups=[late])), SendGroup)


def test_a_changed_count_is_written_an_interval_after_the_last() -> None:
    queue = Queue(groups=[replace(SENT, open=4)])
    assert action(queue) == Wait(NOW + 30)
    assert action(queue, now=NOW + 30) == SendGroup(3, Change.CHANGED, ActionReason.CHANGED)


def test_an_unchanged_count_is_not_written_again() -> None:
    assert action(Queue(groups=[SENT]), now=NOW + 900) == Wait(None)


@pytest.mark.parametrize(
    ("mode", "editable"), [(DigestMode.DIGEST, True), (DigestMode.CHANGING_DIGEST, False)], ids=["never", "nameless"]
)
def test_a_message_that_cannot_be_changed_is_told_only_its_end(mode: DigestMode, editable: bool) -> None:
    group = replace(SENT, open=4, editable=editable)
    assert action(Queue(groups=[group]), mode, now=NOW + 900) == Wait(None)
    assert action(Queue(groups=[replace(group, open=0)]), mode) == SendGroup(3, Change.RESOLVED, ActionReason.ENDED)


def test_a_group_s_end_is_told_at_once() -> None:
    assert action(Queue(groups=[replace(SENT, open=0)])) == SendGroup(3, Change.RESOLVED, ActionReason.ENDED)


def test_the_end_of_a_cause_is_told_before_those_of_its_groups() -> None:
    ended = [replace(SENT, id=number, cause="paused", open=0, editable=False) for number in (3, 4)]
    with_cause = Queue(groups=ended, end=WaitingEnd(7, NOW - 1))
    assert action(with_cause, DigestMode.DIGEST) == SendAlert(7, ActionReason.ENDED)
    without_cause = replace(with_cause, end=None)
    assert action(without_cause, DigestMode.DIGEST) == SendGroup(3, Change.RESOLVED, ActionReason.ENDED)


def test_a_group_that_was_tried_is_tried_again_in_its_time() -> None:
    tried = Queue(groups=[replace(SENT, open=4, attempts=2)])
    assert held(tried, Held(alone={"group 3": NOW + 4})) == Wait(NOW + 4)
    assert held(tried, Held(alone={"group 3": NOW + 4}), NOW + 4) == SendGroup(3, Change.CHANGED, ActionReason.TRIED)


def test_nothing_waits_for_a_time_from_before_the_clock_was_set_back() -> None:
    ahead = NOW + 10**6
    announced = replace(SENT, open=4, message=GroupMessage(ahead, 10, 10))
    assert isinstance(action(Queue(groups=[announced])), SendGroup)
    assert isinstance(action(Queue(groups=[replace(GROUP, oldest=ahead, newest=ahead)])), SendGroup)
    assert isinstance(action(waiting(1, ahead, ahead, fresh=False)), SendAlert)


# --- topics ---


@given(
    st.sampled_from(list(KINDS.values())),
    st.none() | st.tuples(*[st.integers(1, 2**32 - 1).map(DomainId)] * 2),
    st.booleans(),
    st.integers(0, 99),
)
def test_a_topic_is_read_as_it_was_written(
    kind: AlertKind, pathway: Pathway | None, escalated: bool, again: int
) -> None:
    topic = Topic(kind, pathway, escalated, again)
    assert Topic.parse(str(topic)) == topic


@pytest.mark.parametrize(("late_by", "fresh"), [(1, True), (59, True), (60, False), (10**6, False)])
def test_an_alert_is_fresh_within_a_minute_of_what_it_is_about(late_by: int, *, fresh: bool) -> None:
    opened_at = datetime.fromtimestamp(2 * 10**9, UTC)
    assert is_fresh(overdue(TransferId(bytes(32)), Leg.EXECUTE, 2 * 10**9 - late_by, opened_at)) is fresh


def test_an_alert_about_no_deadline_is_fresh() -> None:
    assert is_fresh(chain_unobserved("a", datetime.now(UTC), silent_for=10**6, waiting=0, why=""))
