"""What people silence is not told meanwhile, and what is still open then is told (`docs/operations.md`)."""

from collections.abc import Iterator
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import both, meets
from tests.simulation.rules.causes import causes_of
from tests.simulation.rules.inbox import GROUPED_WITHIN, Inbox
from tests.simulation.rules.weather import TOUCHES_WITHIN, Case, obligations
from tests.simulation.trace import Acted, AlertChange, Interval, Message, State

NOTICED_WITHIN = 20.0
"""Seconds until a monitor in a story with people has noticed what they did: it looks each ten seconds."""


def acts(case: Case) -> Iterator[Finding]:
    """All that is wrong with what was told, or not told, because of what people did."""
    for channel in case.truth.channels if case.trace.acts else ():
        inbox = Inbox(case, channel)
        for acted in case.trace.acts:
            yield from _of(inbox, acted)
        yield from _not_told_at_first(inbox)


def _of(inbox: Inbox, acted: Acted) -> Iterator[Finding]:
    case = inbox.case
    noticed = next(obligations((Interval(acted.at, acted.until),), case.running, NOTICED_WITHIN, case.end), None)
    for change in case.openings(acted.kind):
        if not _is_about(case, acted, change) or change.subject == inbox.channel.name:
            continue
        about_it = _may_tell(inbox, change)
        if acted.alert_id is None:
            if noticed is None or change.at not in Interval(noticed[0], acted.until):
                continue
            yield from _told_meanwhile(inbox, acted, change, about_it)
        yield from _not_told_afterwards(inbox, acted, change, about_it)


def _told_meanwhile(inbox: Inbox, acted: Acted, change: AlertChange, about_it: list[Message]) -> Iterator[Finding]:
    for message in about_it:
        says_so = message.subject is not None and message.state is State.OPEN
        is_silenced = says_so and change.at <= message.at < acted.until
        if is_silenced and not meets(inbox.case.truth.clock_wrong, Interval(acted.at, acted.until)):
            words = f"{inbox.channel.name} was told of it while it was silenced"
            yield Finding(message.at, Wrong.FALSE, "what is silenced is not told", change.subject, words)


def _not_told_afterwards(inbox: Inbox, acted: Acted, change: AlertChange, about_it: list[Message]) -> Iterator[Finding]:
    """What its cause's message may count then need not be told.

    What was acknowledged is told in a message of its own, or in one with what is told again: an edit wakes nobody.
    """
    case, told_again = inbox.case, acted.alert_id is not None and inbox.channel.digests
    begun = {message.message_id: message.at for message in reversed(about_it)} if told_again else {}
    until = _covered_until(case, acted, change)
    stands = tuple(i for i in case.open(change.kind, change.subject) if i.begin <= change.at < i.end)
    after = both(stands, (Interval(until, inf),))
    for by, _ in obligations(after, inbox.calm, NOTICED_WITHIN + GROUPED_WITHIN, case.end):
        if inbox.channel.digests and meets(causes_of(case, change), Interval(acted.until - NOTICED_WITHIN, by)):
            continue
        openings = [m for m in about_it if acted.until <= m.at <= by and m.state is State.OPEN]
        if not any(begun.get(m.message_id, m.at) >= acted.until for m in openings):
            words = f"{inbox.channel.name} had to be told by then what was still open"
            yield Finding(by, Wrong.MISSED, "what was silenced is told at the end", change.subject, words)


def _not_told_at_first(inbox: Inbox) -> Iterator[Finding]:
    """What opened while nothing covered it is told then, whatever somebody did before or did later."""
    case = inbox.case
    seen = set[str]()
    for change in case.openings():
        if change.alert_id in seen or not inbox.is_touched(change) or change.subject == inbox.channel.name:
            continue
        seen.add(change.alert_id)
        stood = next(i for i in case.open(change.kind, change.subject) if i.begin <= change.at < i.end)
        within = NOTICED_WITHIN + GROUPED_WITHIN
        by = next((at for at, _ in obligations((Interval(change.at, stood.end),), inbox.calm, within, case.end)), None)
        if by is None or _is_covered(case, change, Interval(change.at - TOUCHES_WITHIN, by)):
            continue
        if inbox.channel.digests and meets(causes_of(case, change), Interval(change.at - NOTICED_WITHIN, by)):
            continue
        if not any(change.at <= m.at <= by and m.state is State.OPEN for m in _may_tell(inbox, change)):
            words = f"{inbox.channel.name} had to be told by then of what nobody silenced"
            yield Finding(by, Wrong.MISSED, "what is not silenced is told", change.subject, words)


def _is_covered(case: Case, change: AlertChange, during: Interval) -> bool:
    """Whether anything that people did covered the alert meanwhile."""
    return any(
        case.covers(acted, change) and meets((during,), Interval(acted.at, acted.until)) for acted in case.trace.acts
    )


def _covered_until(case: Case, acted: Acted, change: AlertChange) -> float:
    """When nothing that people did covers the alert any more; never where it is told then to whoever knew nothing.

    What was acknowledged had been told before: a silence that covers it at the acknowledgement's end has it not told.
    """
    until = acted.until
    for other in sorted(case.trace.acts, key=lambda other: other.at):
        if case.covers(other, change) and other.at <= until + NOTICED_WITHIN and other.until > until - NOTICED_WITHIN:
            if acted.alert_id is not None and other.alert_id is None:
                return inf
            until = max(until, other.until)
    return until


def _is_about(case: Case, acted: Acted, change: AlertChange) -> bool:
    return case.covers(acted, change) and change.at < (acted.until if acted.alert_id is None else acted.at)


def _may_tell(inbox: Inbox, change: AlertChange) -> list[Message]:
    """The messages about the alert, and those about groups of its kind and pathway, which may count it."""
    pathways = {None, inbox.case.pathway_of(change)}
    return [
        message
        for message in inbox.case.trace.messages
        if message.channel == inbox.channel.name
        and message.kind == change.kind
        and message.alert_id in {None, change.alert_id}
        and (message.pathway in pathways if message.subject is None else message.subject == change.subject)
    ]
