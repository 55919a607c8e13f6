"""One channel as the oracle sees it: what it was to be told, by when, and what it took."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, after, minus, union
from tests.simulation.rules.backlog import waits
from tests.simulation.rules.weather import SETTLES, Case, obligations
from tests.simulation.trace import AlertChange, Interval, Message, State
from tests.simulation.truth import ChannelTruth

PAST_THE_STORE = "database_failing"
"""Its messages are sent past the database, and judged by a rule of their own (`tests.simulation.rules.outages`)."""

TOLD_WITHIN = 8.0
"""Seconds from an opening or an end until a channel has taken the message about it: delivery is woken, answers take
less than a second; what is to be told before it comes on top."""
GROUPED_WITHIN = 90.0
"""The same where bursts are told as one: what opens while a group stands is told of an interval of a minute after the
last message about that, and is gathered for some seconds."""
SENT_WITHIN = 1.0
"""Seconds that a message may be on its way."""
LONGEST_WAIT, ASKED_TO_WAIT = 3600.0, 660.0
"""Seconds: failed messages are tried again at least once an hour, after twice as long as they have failed for at most;
and as late as the channel asked for."""


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
            if not self.is_touched(m)
        )

    def is_of_lost(self, message: Message) -> bool:
        """Whether it told of something that a server has lost since: that is told again."""
        sharing = self.case.trace.sharing
        return sharing is not None and any(
            change.alert_id == message.alert_id and change.at <= message.at <= rewound.end + SENT_WITHIN
            for rewound in sharing.rewound
            for change in sharing.lost
            if change.at in rewound
        )

    def is_touched(self, about: AlertChange | Message) -> bool:
        """Whether people touched what it is about: what is told of that goes by `tests.simulation.rules.acts`.

        Where messages do not say which alert they are about, that goes for all alerts of its kind about its subject.
        """
        touched = self.case.touched
        if about.alert_id is not None and not self.channel.digests:
            return about.alert_id in touched
        return bool(touched) and (about.kind, about.subject) in self._touched_subjects

    @cached_property
    def _touched_subjects(self) -> frozenset[tuple[str, str | None]]:
        return frozenset((c.kind, c.subject) for c in self.case.trace.alerts if c.alert_id in self.case.touched)

    @cached_property
    def alerts(self) -> dict[str, list[AlertChange]]:
        """The openings and ends that it was to be told of, by the alerts' ids."""
        changes: dict[str, list[AlertChange]] = defaultdict(list)
        for change in self.case.trace.alerts:
            own = change.kind == "provider_failing" and change.subject == self.channel.name
            if change.kind != PAST_THE_STORE and not own and not self.is_touched(change):
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


def due_by(inbox: Inbox, change: AlertChange, within: float) -> float | None:
    """By when the channel had to be told of a change; None if the weather excuses it."""
    by = next(obligations((Interval(change.at, inf),), inbox.calm, within, inbox.case.end), None)
    return by[0] if by else None


def untold(inbox: Inbox, change: AlertChange, by: float, told_at: float | None) -> Iterator[Finding]:
    words = f"{inbox.channel.name} had to be told by then that {change.kind} is {change.state}"
    if told_at is None:
        yield Finding(by, Wrong.MISSED, "everything is told", change.subject, words)
    elif told_at > by:
        yield Finding(by, Wrong.LATE, "told in time", change.subject, f"{words}, and was {told_at - by:.1f} s later")


def known_by(messages: Sequence[Message], at: float) -> int:
    """How many alerts readers knew of by then: those told alone, and those that groups counted."""
    alone = sum(1 for m in messages if m.at <= at and m.subject is not None and m.state is State.OPEN and not m.edit)
    return alone + in_groups(messages, at)


def in_groups(messages: Sequence[Message], at: float) -> int:
    return sum({m.message_id: m.members for m in messages if m.at <= at and m.subject is None}.values())
