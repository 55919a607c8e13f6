"""Which alert is the cause of which, and what is made of that: for a queue, and in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.delivery_action import ActionReason, FormGroup, JoinGroup, SendGroup, Wait
from connext_monitor.core.alerts.digest import LATE_BECAUSE, Because, Digest, NamedMember, compose_digest
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.inhibition import cause_of
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.kinds.pathway_stalled import PATHWAY_STALLED
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import INHIBITED, INHIBITING, KINDS
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import Pathway, TransferId
from connext_monitor.core.queue import Group, GroupMessage, Queue, Topic, Waiting
from tests.alerting.bursts import LABELS
from tests.alerting.inhibited import pause, stall
from tests.core.alerts.waiting_alerts import NOW, RULES, TOPIC, action
from tests.world.kinds import chain_unobserved, overdue
from tests.world.transfers import ALPHA, BETA, GAMMA

AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
PAUSE, STALL = pause(AT), stall(AT)
WAITING = Waiting(TOPIC, 2, 7, NOW, NOW, cause=PAUSE.id)
GROUP = Group(3, TOPIC, 2, 2, 0, NOW - 2, NOW - 2, NOW - 2, editable=True, cause=PAUSE.id, carried=True)
SENT = replace(GROUP, opened_with=2, message=GroupMessage(NOW - 60, 2, 2))


def late(pathway: Pathway | None = (ALPHA, BETA), leg: Leg = Leg.EXECUTE) -> Alert:
    return overdue(TransferId(bytes(32)), leg, int(AT.timestamp()), AT, pathway)


@pytest.mark.parametrize(
    ("alert", "cause"),
    [
        (late(), PAUSE),
        (late((GAMMA, BETA)), PAUSE),
        (late((BETA, ALPHA)), None),
        (late(leg=Leg.RECONCILE), None),
        (late(None), None),
        (STALL, PAUSE),
        (chain_unobserved("beta", AT, silent_for=1, waiting=0, why=""), None),
        (PAUSE, None),
    ],
)
def test_a_pause_is_the_cause_of_what_waits_for_executions_there(alert: Alert, cause: Alert | None) -> None:
    assert cause_of(alert, [PAUSE]) == (cause.id if cause else None)


def test_a_stall_is_the_cause_of_late_executions_on_its_pathway_alone() -> None:
    assert cause_of(late(), [STALL]) == STALL.id
    assert cause_of(late((GAMMA, BETA)), [STALL]) is None
    assert cause_of(STALL, [STALL]) is None


def test_what_explains_more_is_the_cause_in_any_order() -> None:
    earlier = replace(STALL, opened_at=AT - timedelta(hours=1))
    assert cause_of(late(), [earlier, PAUSE]) == cause_of(late(), [PAUSE, earlier]) == PAUSE.id


def test_every_kind_that_is_inhibited_is_in_the_table() -> None:
    assert {name for kind in INHIBITING for name in kind.inhibits} == {kind.name for kind in INHIBITED}
    assert all(KINDS[kind.name] is kind for kind in (*INHIBITING, *INHIBITED))


def test_one_with_a_known_cause_is_a_group_at_once() -> None:
    assert action(Queue([WAITING])) == FormGroup(TOPIC, 0, ActionReason.CAUSE, PAUSE.id)


def test_further_ones_join_whatever_their_topic_and_number() -> None:
    other = replace(WAITING, topic=Topic(PATHWAY_STALLED, (ALPHA, BETA)), count=900, oldest=NOW - 5)
    assert action(Queue([other], groups=[SENT])) == JoinGroup(3, other.topic, 500)


def test_the_message_of_the_cause_is_changed_once_they_are_gathered() -> None:
    assert action(Queue(groups=[GROUP]), now=NOW + RULES.wait) == SendGroup(3, Change.CHANGED, ActionReason.GATHERED)


def test_a_count_that_has_come_to_nothing_does_not_end_the_message() -> None:
    assert action(Queue(groups=[replace(SENT, open=0)])) == SendGroup(3, Change.CHANGED, ActionReason.CHANGED)
    assert action(Queue(groups=[replace(SENT, open=0, message=GroupMessage(NOW, 2, 0))])) == Wait(None)


def test_what_has_no_cause_joins_no_group_of_one() -> None:
    alone = action(Queue([replace(WAITING, count=1, cause=None)], groups=[SENT]))
    assert alone != JoinGroup(3, TOPIC, 500)


def test_where_messages_stay_later_ones_are_another_group() -> None:
    own = replace(SENT, carried=False, editable=False, message=GroupMessage(NOW - 1, 2, 2))
    soon = action(Queue([WAITING], groups=[own]), DigestMode.DIGEST)
    assert soon == Wait(NOW - 1 + RULES.interval)
    later = action(Queue([WAITING], groups=[own]), DigestMode.DIGEST, now=NOW + RULES.interval)
    assert later == FormGroup(TOPIC, 2, ActionReason.CAUSE, PAUSE.id)


@pytest.mark.parametrize(("messages", "apart"), [(1, 60.0), (2, 120.0), (6, 1920.0), (7, 3600.0), (2000, 3600.0)])
def test_where_messages_stay_further_ones_come_ever_more_rarely(messages: int, apart: float) -> None:
    own = replace(SENT, carried=False, editable=False)
    standing = [replace(own, id=number, message=GroupMessage(NOW - number, 2, 2)) for number in range(messages)]
    assert action(Queue([WAITING], groups=standing), DigestMode.DIGEST) == Wait(NOW + apart)
    later = action(Queue([WAITING], groups=standing), DigestMode.DIGEST, now=NOW + apart)
    assert later == FormGroup(TOPIC, sum(group.members for group in standing), ActionReason.CAUSE, PAUSE.id)


def digest(members: int, still_open: int, *, carried: bool = True, cause: Alert = PAUSE) -> Digest:
    oldest = NamedMember(late())
    counts: dict[AlertKind, tuple[int, int]] = {EXECUTE_OVERDUE: (members, still_open), PATHWAY_STALLED: (1, 0)}
    because = Because(cause, counts, carried)
    return Digest(1, TOPIC, Severity.CRITICAL, members, still_open, AT, oldest, (oldest,) * 3, because=because)


@pytest.mark.parametrize(
    ("members", "still_open", "words"),
    [
        (5, 5, "5 transfers overdue for execution"),
        (1200, 1, "1 of 1,200 transfers still overdue for execution"),
        (1, 0, "1 transfer no longer overdue for execution"),
    ],
)
def test_the_message_of_the_cause_counts_each_kind(members: int, still_open: int, words: str) -> None:
    message = compose_digest(digest(members, still_open), LABELS, NOW)
    facts = [(field.name, field.value) for field in message.fields]
    assert (LATE_BECAUSE, f"{words}; 1 pathway executing again or withdrawn") in facts
    assert message.title == "Bridge paused: beta"
    assert not message.resolved
    named = [name for name, _ in facts if name in {"Longest overdue", "Among the largest"}]
    assert len(named) == (3 if still_open else 0)


def test_a_message_of_its_own_says_what_its_cause_is() -> None:
    standing = compose_digest(digest(5, 3, carried=False), LABELS, NOW)
    assert standing.title.startswith('Late because of "Bridge paused: beta": 3 of 5 transfers still overdue')
    assert "before, in other messages" not in standing.text
    further = compose_digest(replace(digest(5, 3, carried=False), before=7), LABELS, NOW)
    assert "7 more were reported before, in other messages." in further.text
    over = compose_digest(digest(5, 0, carried=False), LABELS, NOW)
    assert (over.title, over.resolved) == (
        'No longer late because of "Bridge paused: beta": 5 transfers; 1 pathway',
        True,
    )
