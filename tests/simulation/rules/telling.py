"""What channels are told of alerts: each opening and each end, in time, once where that is possible (promise 7)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import meets
from tests.simulation.rules.causes import (
    causes_of,
    counted_with_cause,
    is_cause_touched,
    is_counted,
    may_be_counted,
    told_after_cause,
)
from tests.simulation.rules.inbox import (
    GROUPED_WITHIN,
    TOLD_WITHIN,
    Inbox,
    due_by,
    in_groups,
    known_by,
    untold,
)
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Ending, Interval, Message, State

BURST, BURST_WITHIN = 3, 60.0
"""More alerts of one kind and pathway than so many, told within so many seconds, are a burst, and told as one."""
RECORDED_WITHIN = 10.0
"""Seconds from the answer of a channel until that is stored: what crashes meanwhile may tell again."""


def telling(case: Case) -> Iterator[Finding]:
    """All that is wrong with what the channels were told."""
    for channel in case.truth.channels:
        inbox = Inbox(case, channel)
        yield from _never_opened(inbox)
        yield from (_of_groups(inbox) if channel.digests else _of_each(inbox))
        yield from _twice(inbox)
        yield from _flooded(inbox)


def _never_opened(inbox: Inbox) -> Iterator[Finding]:
    """Nobody is told of what did not open, or did not end, before."""
    for message in inbox.messages:
        if message.subject is None:
            continue
        changes = inbox.case.changes_ever(message.kind, message.subject)
        if not any(change.at <= message.at and change.state is message.state for change in changes):
            words = f"told that {message.kind} is {message.state} before it was"
            yield Finding(message.at, Wrong.FALSE, "told as it is", message.subject, words)


# Channels that are told of each


def _of_each(inbox: Inbox) -> Iterator[Finding]:
    """The n-th turn of an alert is the n-th message about it, repetitions aside."""
    taken_by_alert: dict[str, list[Message]] = defaultdict(list)
    keys = set[str]()
    for taken in inbox.messages:
        if taken.alert_id is not None and taken.key not in keys and not inbox.is_of_lost(taken):
            keys.add(taken.key)
            taken_by_alert[taken.alert_id].append(taken)
    for alert_id, turns in inbox.alerts.items():
        messages = taken_by_alert[alert_id]
        for number, change in enumerate(turns):
            message = messages[number] if number < len(messages) else None
            if message is not None and message.state is not change.state:
                words = f"told as {message.state}, where it was {change.state}"
                yield Finding(message.at, Wrong.FALSE, "told in order", change.subject, words)
            by = due_by(inbox, change, TOLD_WITHIN + inbox.waits[change])
            if by is not None:
                yield from untold(inbox, change, by, None if message is None else message.at)


# Channels that are told of many at once


def _of_groups(inbox: Inbox) -> Iterator[Finding]:
    """Each opening is told by itself or counted in a group; each end of what was told by itself is told so too.

    Of groups only numbers are told: so many openings of a topic must have been counted by the time each had to be.
    """
    alone: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in inbox.messages:
        if message.subject is not None:
            alone[message.kind, message.subject].append(message)
    topics: dict[str, list[AlertChange]] = defaultdict(list)
    for turns in inbox.alerts.values():
        for change in turns:
            if change.state is State.OPEN:
                topics[change.kind].append(change)
            else:
                yield from _end_alone(inbox, change, alone[change.kind, change.subject])
    for kind, opened in topics.items():
        in_order = sorted(opened, key=_at)
        yield from _counted(inbox, kind, in_order)
        has_cause = [
            change
            for change in in_order
            if is_counted(causes_of(inbox.case, change), change) and not is_cause_touched(inbox, change)
        ]
        yield from counted_with_cause(inbox, kind, has_cause)
        yield from told_after_cause(inbox, kind, has_cause)


def _at(change: AlertChange) -> float:
    return change.at


def _read_at(message: Message) -> float:
    return message.at


def _end_alone(inbox: Inbox, change: AlertChange, messages: Sequence[Message]) -> Iterator[Finding]:
    """What people read as open must be ended for them; not what they read as ended, and is counted in a group now."""
    read = max((m for m in messages if m.at <= change.at), key=_read_at, default=None)
    by = due_by(inbox, change, GROUPED_WITHIN)
    if read is not None and read.state is State.OPEN and by is not None:
        ended_at = next((m.at for m in messages if m.state is State.RESOLVED and m.at >= change.at), None)
        yield from untold(inbox, change, by, ended_at)


def _counted(inbox: Inbox, kind: str, opened: Sequence[AlertChange]) -> Iterator[Finding]:
    """The n-th alert of a kind that opens must be counted in time; one that opens again may be counted where it was."""
    messages = [m for m in inbox.messages if m.kind == kind]
    seen = set[str]()
    for change in opened:
        if change.alert_id in seen or may_be_counted(causes_of(inbox.case, change), change, GROUPED_WITHIN):
            continue
        seen.add(change.alert_id)
        by = due_by(inbox, change, GROUPED_WITHIN)
        if by is not None and known_by(messages, by) < len(seen):
            at = next((m.at for m in messages if m.at > by and known_by(messages, m.at) >= len(seen)), None)
            yield from untold(inbox, change, by, at)


def _flooded(inbox: Inbox) -> Iterator[Finding]:
    """A burst is one message where people read (promise 6)."""
    if not inbox.channel.digests:
        return
    lately: dict[tuple[str, tuple[int, int] | None], list[Message]] = defaultdict(list)
    for message in inbox.messages:
        if message.subject is None or message.state is not State.OPEN or message.edit:
            continue
        transfer = inbox.case.truth.by_id.get(message.subject)
        of_topic = lately[message.kind, (transfer.origin, transfer.destination) if transfer else None]
        of_topic[:] = [other for other in of_topic if other.at > message.at - BURST_WITHIN]
        if message.subject not in {other.subject for other in of_topic}:
            of_topic.append(message)
        if transfer and len(_opened_together(inbox, of_topic)) > BURST:
            words = f"{inbox.channel.name} was told of {len(of_topic)} alerts of {message.kind} one by one"
            yield Finding(message.at, Wrong.FALSE, "no storms", message.subject, words)


def _opened_together(inbox: Inbox, of_topic: Sequence[Message]) -> Sequence[Message]:
    """Those of one burst with the last: while a channel fails, each has a try of its own, and is repeated by itself."""
    last = of_topic[-1]
    if not meets(inbox.unwell, Interval(last.at, last.at)):
        return of_topic
    opened = {
        change.subject: change.at
        for turns in inbox.alerts.values()
        for change in turns
        if change.kind == last.kind and change.state is State.OPEN and change.at <= last.at
    }
    opened_at = [opened.get(message.subject or "", message.at) for message in of_topic]
    bursts = (
        [message for message, at in zip(of_topic, opened_at, strict=True) if since <= at <= since + BURST_WITHIN]
        for since in opened_at
        if opened_at[-1] - BURST_WITHIN <= since <= opened_at[-1]
    )
    return max(bursts, key=len)


# Once


def _twice(inbox: Inbox) -> Iterator[Finding]:
    """What a channel said that it took is not sent again, unless the process ended before it could note that."""
    by_claim: dict[tuple[str, str | None, State, str], list[Message]] = defaultdict(list)
    for message in inbox.messages:
        if not message.edit and message.subject is not None:
            key = message.key if message.alert_id is not None else ""
            by_claim[message.kind, message.subject, message.state, key].append(message)
    for (kind, subject, state, key), messages in by_claim.items():
        turns = [c for of_one in inbox.alerts.values() for c in of_one if (c.kind, c.subject) == (kind, subject)]
        turns = [change for change in turns if change.state is state]
        most = 1 if key else len(turns)
        certain = [m for m in messages if m.acknowledged and not _may_be_forgotten(inbox.case, m)]
        if len(certain) > most:
            words = f"{inbox.channel.name} was told {len(certain)} times that {kind} is {state}"
            yield Finding(certain[most].at, Wrong.TWICE, "once if possible", subject or "", words)
    yield from _counted_twice(inbox)
    yield from _reported_twice(inbox)


def _reported_twice(inbox: Inbox) -> Iterator[Finding]:
    """A report comes once; only channels that tell its key say which one it is."""
    reports = (m for m in inbox.case.trace.messages if m.channel == inbox.channel.name and m.kind == "report")
    certain = [m for m in reports if m.acknowledged and not _may_be_forgotten(inbox.case, m)]
    keys = set[str]()
    for message in () if inbox.channel.digests else certain:
        if message.key in keys:
            yield Finding(message.at, Wrong.TWICE, "once if possible", message.key, "a report was told twice")
        keys.add(message.key)


def _counted_twice(inbox: Inbox) -> Iterator[Finding]:
    """Messages that change count no more alerts of a kind than opened."""
    if not inbox.channel.edits:
        return
    certain = [m for m in inbox.messages if m.acknowledged and not _may_be_forgotten(inbox.case, m)]
    posted = {m.message_id for m in certain if not m.edit}
    acknowledged = {acted.kind for acted in inbox.case.trace.acts if acted.alert_id is not None}  # which is told again
    for kind in {m.kind for m in certain if m.subject is None} - acknowledged:
        of_kind = [m for m in certain if m.kind == kind and m.message_id in posted]
        alone = sum(1 for m in of_kind if m.subject is not None and m.state is State.OPEN and not m.edit)
        counted = alone + in_groups(of_kind, inf)
        opened = sum(1 for _ in inbox.case.openings(kind))
        if counted > opened:
            words = f"{inbox.channel.name} was told of {counted} alerts of {kind}, and {opened} opened"
            yield Finding(inbox.case.end, Wrong.TWICE, "once if possible", kind, words)


def was_killed(case: Case, during: Interval) -> bool:
    """Whether a process ended meanwhile that had not been asked to."""
    return any(life.during.end in during and life.ending is not Ending.STOPPED for life in case.trace.working)


def _may_be_forgotten(case: Case, message: Message) -> bool:
    """Whether the process could not note that the message was taken; one that is asked to stop does so first."""
    noting = Interval(message.at, message.at + RECORDED_WITHIN)
    return was_killed(case, noting) or meets(case.trace.disk_failing, noting) or meets(case.trace.suspended, noting)
