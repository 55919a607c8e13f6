"""Which alerts are sent together, and when: a lone one at once, a burst as one message that counts its members.

Alerts of one kind on one pathway are one topic. A few of them are sent one by one; more than a few within a short time
become a group: its message counts them and names the worst, changes while they end, and becomes resolved with the last.
What is late because of an alert that the channel knows of is a group from the first on. Where the message of that alert
can change, it counts them, and is not over with the last of them.
`next_action` is asked again and again for what to send to a channel next; it decides on values alone, and returns its
reason with the action.

All times are Unix seconds of our own clock. One that lies in the future was written before the clock was set back, and
is taken as past: nothing waits for it.
"""

from collections.abc import Iterator

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.delivery_action import (
    ActionReason,
    DeliveryAction,
    FormGroup,
    JoinGroup,
    NoteEnds,
    SendAlert,
    SendGroup,
    Wait,
)
from connext_monitor.core.alerts.digest_mode import DigestMode, lane_of
from connext_monitor.core.delivery import Change
from connext_monitor.core.holds import NOTHING_HELD, Held, Lane, delivery_key, group_key
from connext_monitor.core.queue import BATCH, Group, GroupMessage, Queue, RecentOpenings, Retry, Waiting
from connext_monitor.core.structs import replace, struct

BURST = 3
"""The most openings of one topic that are sent to a channel one by one within a group interval."""

OLD_NEWS = 60.0
"""An alert about something that was due longer ago than so many seconds when it opened can wait for others like it."""

_SETTLED = 0.25
"""A burst is gathered when none has come for this share of the wait."""
_LONGEST_GATHERING = 3
"""A burst that goes on growing is sent after so many waits at most."""
_COLLECT_AFTER = 1.0
"""Seconds that what belongs to a group waits for more of it, so that a stream does not make a transaction each."""
_PATIENCE = 5.0
"""How long a message that is due waits, in seconds, for what still streams into its group."""
_LONGEST_APART, _DOUBLED_AT_MOST = 3600.0, 20
"""Seconds between two messages about what one alert makes late, where the first cannot change."""

_NONE_LATELY = RecentOpenings(0, float("-inf"))


@struct(frozen=True, slots=True)
class GroupRules:
    """``wait``: how long a burst is gathered; ``interval``: how far apart two messages about a topic are. Seconds."""

    wait: float
    interval: float


def is_fresh(alert: Alert) -> bool:
    """Whether seconds count for it; not where it was due long before it opened, as after a downtime."""
    due_at = alert.details.due_at
    return due_at is None or alert.opened_at.timestamp() - due_at < OLD_NEWS


@struct(frozen=True, slots=True)
class _Planned:
    """An action with the time that it is due at, and since when what it tells has waited; ``key`` names the message."""

    due_at: float
    since: float
    action: SendAlert | SendGroup | FormGroup | JoinGroup | NoteEnds
    key: str = ""
    lane: Lane = Lane.NEWS
    tried: bool = False


def next_action(
    queue: Queue, mode: DigestMode, rules: GroupRules, now: float, held: Held = NOTHING_HELD
) -> DeliveryAction:
    """What to do next for one channel.

    1. What belongs to open groups is put there: after a second, when a batch is full, or when its group is about to be
       told.
    2. Of what is due and not ``held``, what may be to blame for its own failures goes last, in its turn; news goes
       before changes of messages that stand; then what has been tried goes first; then that which has waited longest.
    3. Else there is something to wait for, or nothing.
    """
    urgent = _has_urgent_news(queue, held)

    def held_back(planned: _Planned) -> _Planned:
        return replace(planned, due_at=max(planned.due_at, held.until(planned.key, planned.lane, urgent=urgent)))

    def rank(planned: _Planned) -> tuple[bool, bool, float, bool, float]:
        turn = held.turn(planned.key)
        return (turn > float("-inf"), planned.lane is Lane.EDITS, turn, not planned.tried, planned.since)

    in_turn = sorted(map(held_back, _planned(queue, mode, rules, now)), key=rank)
    due = [planned for planned in in_turn if planned.due_at <= now]
    collects = sorted(_collects(queue, mode, now), key=lambda planned: planned.due_at)
    for collect in collects:
        if collect.due_at <= now or (due and _completes(queue, collect.action, due[0], now)):
            return collect.action
    if due:
        return due[0].action
    return Wait(min((planned.due_at for planned in (*in_turn, *collects)), default=None))


def _has_urgent_news(queue: Queue, held: Held) -> bool:
    """Whether something has come since the last try that failed for which a long hold is cut short."""
    unsent = (group for group in queue.groups if group.message is None and not group.carried)
    grown = any(group.newest > held.tried_at for group in unsent)
    return grown or any(waiting.critical and waiting.newest > held.tried_at for waiting in queue.waiting)


def _collects(queue: Queue, mode: DigestMode, now: float) -> Iterator[_Planned]:
    if queue.member_ends:
        since = _past(queue.ends_since, now)
        yield _Planned(since if queue.member_ends >= BATCH else since + _COLLECT_AFTER, since, NoteEnds())
    for waiting in queue.waiting:
        group = _joined(waiting, queue, mode)
        if group is not None:
            since = _past(waiting.oldest, now)
            due_at = since if waiting.count >= BATCH else since + _COLLECT_AFTER
            yield _Planned(due_at, since, JoinGroup(group.id, waiting.topic, min(BATCH, group.room)))


def _joined(waiting: Waiting, queue: Queue, mode: DigestMode) -> Group | None:
    """The group that takes such alerts: its message is yet to be sent, or can still count them."""
    with_room = (group for group in queue.groups if group.about == waiting.about and group.room)
    return next((group for group in with_room if group.message is None or _changes(group, mode)), None)


def _changes(group: Group, mode: DigestMode) -> bool:
    return mode is DigestMode.CHANGING_DIGEST and group.editable


def _completes(queue: Queue, collect: DeliveryAction, due: _Planned, now: float) -> bool:
    """Whether it belongs to a group that is about to be told, and is to be counted."""
    if not isinstance(due.action, SendGroup) or (
        isinstance(collect, JoinGroup) and collect.group_id != due.action.group_id
    ):
        return False
    formed_at = next(group.formed_at for group in queue.groups if group.id == due.action.group_id)
    return now < max(due.due_at, formed_at) + _PATIENCE


def _planned(queue: Queue, mode: DigestMode, rules: GroupRules, now: float) -> Iterator[_Planned]:
    if queue.end is not None:
        action = SendAlert(queue.end.delivery_id, ActionReason.ENDED)
        lane = lane_of(Change.RESOLVED, mode)
        yield _Planned(now, queue.end.queued_at, action, delivery_key(queue.end.delivery_id), lane)
    for group in queue.groups:
        planned = _group_planned(group, queue, mode, rules, now)
        if planned is not None:
            yield planned
    for waiting in queue.waiting:
        if _joined(waiting, queue, mode) is None:
            yield _opening_planned(waiting, queue, mode, rules, now)
    for retry in queue.retries:
        yield _retry_planned(retry, mode, now)


def _retry_planned(retry: Retry, mode: DigestMode, now: float) -> _Planned:
    action = SendAlert(retry.delivery_id, ActionReason.TRIED)
    lane = lane_of(retry.change, mode)
    return _Planned(now, retry.queued_at, action, delivery_key(retry.delivery_id), lane, tried=True)


def _opening_planned(waiting: Waiting, queue: Queue, mode: DigestMode, rules: GroupRules, now: float) -> _Planned:
    """What becomes of a topic's openings that no group takes.

    1. A group of the topic is open that takes no more: they wait until an interval after that was formed, and become
       another. Where the message of that stays as it is, they wait as long from that message, and are then news like
       any other: counted in no message, a later alert would be told of by nothing until the group ends. Of what is late
       because of one alert, each comes after twice as long as the one before, until they are an hour apart.
    2. They have a cause that the channel knows of: a group, however few they are.
    3. They are a burst, with those told lately: a group.
    4. Old news, and what follows close on another: it waits, as its like may follow.
    5. A lone one: at once.
    """
    lately = queue.recent.get(waiting.topic, _NONE_LATELY) if waiting.cause is None else _NONE_LATELY
    standing = [group for group in queue.groups if group.about == waiting.about and group.open and group.message]
    before = sum(group.members for group in standing) + lately.count
    if standing:
        apart = rules.interval if waiting.cause is None else _apart(len(standing), rules)
        due_at = max(_past(_rang_at(group, mode), now) for group in standing) + apart
        if due_at > now or any(_changes(group, mode) for group in standing):
            grown = FormGroup(waiting.topic, before, ActionReason.GROWN, waiting.cause)
            return _Planned(due_at, waiting.oldest, grown)
    if waiting.cause is not None:
        return _Planned(now, waiting.oldest, FormGroup(waiting.topic, before, ActionReason.CAUSE, waiting.cause))
    if waiting.count + lately.count > BURST:
        return _Planned(now, waiting.oldest, FormGroup(waiting.topic, before, ActionReason.BURST))
    if not waiting.fresh or waiting.oldest - lately.last < rules.wait:
        due_at = _past(waiting.oldest, now) + rules.wait
        return _Planned(due_at, waiting.oldest, SendAlert(waiting.first_id, ActionReason.FEW))
    return _Planned(now, waiting.oldest, SendAlert(waiting.first_id, ActionReason.LONE))


def _apart(messages: int, rules: GroupRules) -> float:
    """Seconds from the last of so many messages about one cause to the next."""
    return min(rules.interval * 2.0 ** min(messages - 1, _DOUBLED_AT_MOST), max(rules.interval, _LONGEST_APART))


def _rang_at(group: Group, mode: DigestMode) -> float:
    # A message that changes was written last by an edit, which rings nobody; one that stays may have come long after
    # its group was formed, as on a channel that failed meanwhile.
    return group.formed_at if group.message is None or _changes(group, mode) else group.message.at


def _group_planned(group: Group, queue: Queue, mode: DigestMode, rules: GroupRules, now: float) -> _Planned | None:
    """What of a group is to be told, if anything.

    1. Its opening, once it is gathered; as its end where nothing of it is open any more.
    2. Its end, at once; not where it is counted in the message of its cause, which stands. Where it ends with its
       cause, the end of that comes first: it is what readers wait for, and a channel may take a message a second.
    3. Its count, where the message can be changed, an interval after it was last written.
    """
    due_at: float
    if group.message is None:
        due_at, reason = _gathered_at(group, queue, rules, now), ActionReason.GATHERED
        change = Change.CHANGED if group.carried else Change.OPENED if group.open else Change.RESOLVED
    elif not group.open and not group.carried:
        due_at, change, reason = now, Change.RESOLVED, ActionReason.ENDED
    elif _changes(group, mode) and _differs(group, group.message):
        due_at = _past(group.message.at, now) + rules.interval
        change, reason = Change.CHANGED, ActionReason.CHANGED
    else:
        return None
    if group.attempts:
        due_at, reason = now, ActionReason.TRIED
    since = group.oldest if group.message is None else group.message.at
    if group.cause is not None and change is Change.RESOLVED and queue.end is not None:
        since = max(since, queue.end.queued_at)
    # What has no message yet has nothing to edit, even where all of it is over.
    lane = Lane.NEWS if group.message is None and not group.carried else lane_of(change, mode)
    return _Planned(
        due_at, since, SendGroup(group.id, change, reason), group_key(group.id), lane, tried=bool(group.attempts)
    )


def _gathered_at(group: Group, queue: Queue, rules: GroupRules, now: float) -> float:
    oldest = _past(group.oldest, now)
    newest = max([group.newest, *(waiting.newest for waiting in queue.waiting if waiting.about == group.about)])
    settled = min(_past(newest, now) + _SETTLED * rules.wait, oldest + _LONGEST_GATHERING * rules.wait)
    return max(oldest + rules.wait, settled)


def _differs(group: Group, message: GroupMessage) -> bool:
    return (group.members, group.open) != (message.members, message.open)


def _past(at: float, now: float) -> float:
    return at if at <= now else float("-inf")
