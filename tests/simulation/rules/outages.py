"""What is told past the database, and about the channels themselves."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import after, both, meets, minus, union
from tests.simulation.rules.causes import causes_of, may_be_counted
from tests.simulation.rules.inbox import LONGEST_WAIT, Inbox
from tests.simulation.rules.telling import BURST, RECORDED_WITHIN, was_killed
from tests.simulation.rules.weather import Case, must_be_open, must_be_over, obligations
from tests.simulation.trace import AlertChange, Interval, Message, State

DATABASE_PATIENCE, CHANNEL_PATIENCE = 10.0, 60.0
"""Seconds that a database, or a channel, may fail without anybody hearing of it."""
RECOVERED_WITHIN = 60.0
"""Seconds from the first message that a channel takes again until it is told of as recovered."""
TRIED_WITHIN = 45.0
"""Seconds within which a process tries a channel again that has failed before, and gives it a fair chance."""
_SLACK = 1.0
FLAPS_WITHIN = 3600.0
"""A channel that fails again so soon after it recovered, in seconds, has to prove itself longer."""
TOLD_WITHIN = 75.0
"""Seconds beyond that until the other channels hear of a channel: the watch looks once a minute, and counts from the
end of the first attempt, which may wait ten seconds for an answer."""
DATABASE_LOOKED_AT_EVERY = 300.0
"""Seconds between two looks at a database that works, as simulated monitors are set: each writes to it."""
DATABASE_TOLD_WITHIN = DATABASE_LOOKED_AT_EVERY + 10.0
"""Seconds beyond that until all channels hear of the database: the first look that sees it fail begins the patience,
and from then on it is looked at each second."""
DATABASE_KNOWN_WITHIN = 130.0
"""Seconds before somebody is told of the database in which it must have failed."""
WORKS_WITHIN = 120.0
"""Seconds until whoever heard of it hears that the database works: it is written to first."""


def database(case: Case) -> Iterator[Finding]:
    """Every channel that works hears of a database that fails, and none of one that does not."""
    if case.trace.sharing is not None:
        return  # each instance has a way of its own to the server
    failing = union(case.trace.disk_failing)
    for channel in case.truth.channels:
        inbox = Inbox(case, channel)
        messages = [m for m in case.trace.messages if m.channel == channel.name and m.kind == "database_failing"]
        for message in messages:
            known = Interval(_awake_since(case, message.at, DATABASE_KNOWN_WITHIN), message.at)
            if message.state is State.OPEN and not meets(failing, known):
                words = f"{channel.name} was told of a database that works"
                yield Finding(message.at, Wrong.FALSE, "only failing databases", "database", words)
        able = minus(minus(union(case.trace.up), union(case.trace.suspended)), inbox.unwell)
        for outage in after(both(failing, able), DATABASE_PATIENCE + DATABASE_TOLD_WITHIN):
            last = max((m for m in messages if m.at <= outage.begin), key=lambda m: m.at, default=None)
            if last is None or last.state is not State.OPEN:
                words = f"{channel.name} was not told that the database fails"
                yield Finding(outage.begin, Wrong.MISSED, "never silently blind", "database", words)
        yield from _not_ended(inbox, messages)


def _awake_since(case: Case, at: float, seconds: float) -> float:
    """Since when the host had run for so long: while it stood still, nobody could learn that anything was over."""
    begin = at - seconds
    for halt in sorted(union(case.trace.suspended), reverse=True):
        if halt.begin < at and begin < halt.end:
            begin -= min(at, halt.end) - halt.begin
    return begin


def _not_ended(inbox: Inbox, messages: Sequence[Message]) -> Iterator[Finding]:
    """Whoever was told that the database fails is told once it works, by the next process if need be."""
    for number, message in enumerate(messages):
        noting = Interval(message.at, message.at + RECORDED_WITHIN)
        if message.state is State.RESOLVED or not message.acknowledged or was_killed(inbox.case, noting):
            continue
        works = minus((Interval(message.at, inf),), union(inbox.case.trace.disk_failing))
        by = next(obligations(works, inbox.calm, WORKS_WITHIN, inbox.case.end), None)
        if by is not None and not any(m.state is State.RESOLVED and m.at <= by[0] for m in messages[number:]):
            words = f"{inbox.channel.name} was not told that the database works again"
            yield Finding(by[0], Wrong.FALSE, "an alert ends with its reason", "database", words)
            return


def channels(case: Case) -> Iterator[Finding]:
    """A channel that has failed for a minute is told of, and no other is."""
    by_name = {channel.name: channel for channel in case.truth.channels}
    for opening in case.openings("provider_failing"):
        channel = by_name.get(opening.subject)
        if channel is None or not meets(channel.troubled, Interval(opening.at - CHANNEL_PATIENCE, opening.at)):
            yield Finding(opening.at, Wrong.FALSE, "only failing channels", opening.subject, "it took what it was sent")
        elif not _had_failed(Inbox(case, channel), opening.at):
            words = f"it had not failed for {CHANNEL_PATIENCE:.0f} s"
            yield Finding(opening.at, Wrong.FALSE, "only failing channels", opening.subject, words)
    for channel in by_name.values():
        inbox, args = Inbox(case, channel), (case, "provider_failing", channel.name)
        queued = sorted(_news(inbox))
        for trouble in channel.troubled:
            first = next((at for at in queued if trouble.begin <= at < trouble.end), inf)
            failing = (
                (Interval(first + CHANNEL_PATIENCE, trouble.end),) if first + CHANNEL_PATIENCE < trouble.end else ()
            )
            yield from must_be_open(*args, failing, case.well, TOLD_WITHIN, "failing channels are told of")
            yield from _over_restarts(case, channel.name, Interval(first, trouble.end))
        taken = [m.at for m in inbox.messages if m.acknowledged]
        stood_before = -inf
        for stood in case.open("provider_failing", channel.name):
            fresh, stood_before = stood.begin - stood_before > FLAPS_WITHIN, stood.end
            again = next(
                (at for at in taken if at > stood.begin and not meets(channel.troubled, Interval(at, inf))), None
            )
            if again is not None:
                works, rule = (Interval(again, stood.end),), "recovered channels are told of"
                calm, within = (case.well, RECOVERED_WITHIN) if fresh else (inbox.calm, LONGEST_WAIT)
                yield from must_be_over(*args, works, calm, within, rule)


def _over_restarts(case: Case, channel: str, failing: Interval) -> Iterator[Finding]:
    """A process does not wait anew for a channel that one before it has seen fail."""
    tries = both((failing,), case.each_well)
    first = next((tried.begin for tried in tries if tried.seconds > TRIED_WITHIN), failing.end)
    known = Interval(first + TRIED_WITHIN + CHANNEL_PATIENCE, failing.end)
    for tried in tries if known.seconds > 0 else ():
        if tried.begin == failing.begin:
            continue  # it ran before, and has seen all of it
        rule = "failing channels are told of, however often started"
        yield from must_be_open(case, "provider_failing", channel, (known,), (tried,), TRIED_WITHIN, rule)


def _news(inbox: Inbox) -> Iterator[float]:
    """When something was to be told of which it matters that the channel does not take it.

    An edit that comes too soon is no failure: it is made later. What ends is an edit of what opened, and what opens
    after a burst or because of a cause may be one of the message about that. Where messages cannot change, one that
    tells of many is followed by another once all of them are over, or not at all; and one about a cause, only now and
    then by another that counts what is late because of it.
    """
    channel = inbox.channel
    alone: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in inbox.messages:
        if message.subject is not None:
            alone[message.kind, message.subject].append(message)
    turns = sorted((change for of_one in inbox.alerts.values() for change in of_one), key=lambda change: change.at)
    opened: dict[str, list[float]] = defaultdict(list)
    for change in turns:
        lately = opened[change.kind]
        if change.state is State.OPEN:
            lately[:] = [at for at in lately if at > change.at - FLAPS_WITHIN] + [change.at]
        read = max((m for m in alone[change.kind, change.subject] if m.at <= change.at), key=_read_at, default=None)
        ends_unread = change.state is State.RESOLVED and (read is None or read.state is State.RESOLVED)
        counted = may_be_counted(causes_of(inbox.case, change), change, CHANNEL_PATIENCE)
        if channel.digests and not channel.edits and (ends_unread or counted):
            continue
        edit = change.state is State.RESOLVED or len(lately) > BURST or counted or _is_group_open(inbox, change)
        if not (channel.edits and edit and meets(channel.limited, Interval(change.at, change.at))):
            yield change.at


def _is_group_open(inbox: Inbox, change: AlertChange) -> bool:
    """Whether the message about a group of its kind and pathway counted open alerts: then it is counted there, too."""
    of_groups = [m for m in inbox.messages if m.subject is None and m.members and m.at <= change.at]
    pathway = inbox.case.pathway_of(change)
    last = max((m for m in of_groups if (m.kind, m.pathway) == (change.kind, pathway)), key=_read_at, default=None)
    return last is not None and last.state is State.OPEN


def _read_at(message: Message) -> float:
    return message.at


def _had_failed(inbox: Inbox, at: float) -> bool:
    """Whether the channel said that it was gone, or has failed for long: what it takes ends what failed before."""
    taken = max((m.at for m in inbox.messages if m.acknowledged and m.at < at), default=-inf)
    long_ago = at - CHANNEL_PATIENCE + _SLACK
    refused = meets(inbox.channel.refusing, Interval(taken, at))
    return refused or (taken < long_ago and meets(inbox.channel.troubled, Interval(taken, long_ago)))
