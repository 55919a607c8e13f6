"""What channels are told of alerts: each opening and each end, in time, once where that is possible (promise 7)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, after, meets, minus, union
from tests.simulation.rules.backlog import waits
from tests.simulation.rules.weather import SETTLES, Case, obligations
from tests.simulation.trace import AlertChange, Ending, Interval, Message, State
from tests.simulation.truth import ChannelTruth

PAST_THE_STORE = "database_failing"
"""Its messages are sent past the database, and judged by a rule of their own (`tests.simulation.rules.outages`)."""

TOLD_WITHIN = 8.0
"""Seconds from an opening or an end until a channel has taken the message about it: delivery is woken, answers take
less than a second; what is to be told before it comes on top."""
GROUPED_WITHIN = 90.0
"""The same where bursts are told as one: what opens while a group stands is told of an interval of a minute after the
last message about that, and is gathered for some seconds."""
LONGEST_WAIT, ASKED_TO_WAIT = 3600.0, 660.0
"""Seconds: failed messages are tried again at least once an hour, after twice as long as they have failed for at most;
and as late as the channel asked for."""
BURST, BURST_WITHIN = 3, 60.0
"""More alerts of one kind and pathway than so many, told within so many seconds, are a burst, and told as one."""
RECORDED_WITHIN = 10.0
"""Seconds from the answer of a channel until that is stored: what crashes meanwhile may tell again."""


@dataclass(frozen=True)
class Inbox:
    """One channel: what it was to be told, and what it took."""

    case: Case
    channel: ChannelTruth

    @cached_property
    def calm(self) -> Intervals:
        """When it and the monitor had been well for so long that nothing waits for another try."""
        return after(minus(self.case.well, self.unwell), SETTLES)

    @cached_property
    def unwell(self) -> Intervals:
        """When it was in trouble, or what had failed then waited for another try."""
        trouble = union([*self.channel.troubled, *self.channel.slow])
        recovering = (Interval(i.begin, i.end + min(LONGEST_WAIT, 2 * i.seconds) + ASKED_TO_WAIT) for i in trouble)
        dead = (Interval(i.begin, self._restart(i.end)) for i in self.channel.refusing)
        return union([*recovering, *dead])

    def _restart(self, at: float) -> float:
        """A channel that says that it is gone is tried again by the next process."""
        return next((up.begin for up in self.case.trace.up if up.begin >= at), inf)

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """What it took about alerts."""
        return tuple(
            m
            for m in self.case.trace.messages
            if m.channel == self.channel.name and m.kind not in {PAST_THE_STORE, "report"}
        )

    @cached_property
    def alerts(self) -> dict[str, list[AlertChange]]:
        """The openings and ends that it was to be told of, by the alerts' ids."""
        changes: dict[str, list[AlertChange]] = defaultdict(list)
        for change in self.case.trace.alerts:
            own = change.kind == "provider_failing" and change.subject == self.channel.name
            if change.kind != PAST_THE_STORE and not own:
                changes[change.alert_id].append(change)
        return {alert_id: list(_turns(of_one)) for alert_id, of_one in changes.items()}

    @cached_property
    def waits(self) -> dict[AlertChange, float]:
        """How long each of these may wait for the others."""
        return waits(change for turns in self.alerts.values() for change in turns)


def _turns(changes: Sequence[AlertChange]) -> Iterator[AlertChange]:
    """The changes with which an alert opens and ends."""
    state = State.RESOLVED
    for change in changes:
        if change.state is not state:
            yield change
        state = change.state


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
        changes = inbox.case.changes.get((message.kind, message.subject), [])
        if not any(change.at <= message.at and change.state is message.state for change in changes):
            words = f"told that {message.kind} is {message.state} before it was"
            yield Finding(message.at, Wrong.FALSE, "told as it is", message.subject, words)


def _by(inbox: Inbox, change: AlertChange, within: float) -> float | None:
    """By when the channel had to be told of a change; None if the weather excuses it."""
    by = next(obligations((Interval(change.at, inf),), inbox.calm, within, inbox.case.end), None)
    return by[0] if by else None


def _untold(inbox: Inbox, change: AlertChange, by: float, told_at: float | None) -> Iterator[Finding]:
    words = f"{inbox.channel.name} had to be told by then that {change.kind} is {change.state}"
    if told_at is None:
        yield Finding(by, Wrong.MISSED, "everything is told", change.subject, words)
    elif told_at > by:
        yield Finding(by, Wrong.LATE, "told in time", change.subject, f"{words}, and was {told_at - by:.1f} s later")


# Channels that are told of each


def _of_each(inbox: Inbox) -> Iterator[Finding]:
    """The n-th turn of an alert is the n-th message about it, repetitions aside."""
    taken_by_alert: dict[str, list[Message]] = defaultdict(list)
    keys = set[str]()
    for taken in inbox.messages:
        if taken.alert_id is not None and taken.key not in keys:
            keys.add(taken.key)
            taken_by_alert[taken.alert_id].append(taken)
    for alert_id, turns in inbox.alerts.items():
        messages = taken_by_alert[alert_id]
        for number, change in enumerate(turns):
            message = messages[number] if number < len(messages) else None
            if message is not None and message.state is not change.state:
                words = f"told as {message.state}, where it was {change.state}"
                yield Finding(message.at, Wrong.FALSE, "told in order", change.subject, words)
            by = _by(inbox, change, TOLD_WITHIN + inbox.waits[change])
            if by is not None:
                yield from _untold(inbox, change, by, None if message is None else message.at)


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
        yield from _counted(inbox, kind, sorted(opened, key=_at))


def _at(change: AlertChange) -> float:
    return change.at


def _end_alone(inbox: Inbox, change: AlertChange, messages: Sequence[Message]) -> Iterator[Finding]:
    """What people read as open must be ended for them."""
    opened_at = max((m.at for m in messages if m.state is State.OPEN and m.at <= change.at), default=None)
    by = _by(inbox, change, GROUPED_WITHIN)
    if opened_at is not None and by is not None:
        ended_at = next((m.at for m in messages if m.state is State.RESOLVED and m.at >= change.at), None)
        yield from _untold(inbox, change, by, ended_at)


def _counted(inbox: Inbox, kind: str, opened: Sequence[AlertChange]) -> Iterator[Finding]:
    """The n-th alert of a kind that opens must be counted in time; one that opens again may be counted where it was."""
    messages = [m for m in inbox.messages if m.kind == kind]
    seen = set[str]()
    for change in opened:
        if change.alert_id in seen:
            continue
        seen.add(change.alert_id)
        by = _by(inbox, change, GROUPED_WITHIN)
        if by is not None and _known_by(messages, by) < len(seen):
            at = next((m.at for m in messages if m.at > by and _known_by(messages, m.at) >= len(seen)), None)
            yield from _untold(inbox, change, by, at)


def _known_by(messages: Sequence[Message], at: float) -> int:
    """How many alerts readers knew of by then: those told alone, and those that groups counted."""
    alone = sum(1 for m in messages if m.at <= at and m.subject is not None and m.state is State.OPEN and not m.edit)
    return alone + _in_groups(messages, at)


def _in_groups(messages: Sequence[Message], at: float) -> int:
    return sum({m.message_id: m.members for m in messages if m.at <= at and m.subject is None}.values())


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
    since = opened.get(last.subject or "", last.at) - BURST_WITHIN
    return [message for message in of_topic if opened.get(message.subject or "", message.at) >= since]


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
    for kind in {m.kind for m in certain if m.subject is None}:
        of_kind = [m for m in certain if m.kind == kind and m.message_id in posted]
        alone = sum(1 for m in of_kind if m.subject is not None and m.state is State.OPEN and not m.edit)
        counted = alone + _in_groups(of_kind, inf)
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
