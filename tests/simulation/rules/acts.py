"""What people silence is not told meanwhile, and what is still open then is told (`docs/operations.md`)."""

from collections.abc import Iterator
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import both
from tests.simulation.rules.inbox import GROUPED_WITHIN, Inbox
from tests.simulation.rules.weather import Case, obligations
from tests.simulation.trace import Acted, AlertChange, Interval, Message, State

NOTICED_WITHIN = 20.0
"""Seconds until a monitor in a story with people has noticed what they did: it looks each ten seconds."""


def acts(case: Case) -> Iterator[Finding]:
    """All that is wrong with what was told, or not told, because of what people did."""
    for acted in case.trace.acts:
        for channel in case.truth.channels:
            yield from _of(Inbox(case, channel), acted)


def _of(inbox: Inbox, acted: Acted) -> Iterator[Finding]:
    case = inbox.case
    messages = [m for m in case.trace.messages if m.channel == inbox.channel.name and m.kind == acted.kind]
    for change in case.openings(acted.kind):
        if not _is_about(acted, change):
            continue
        about_it = [m for m in messages if _may_tell(m, change)]
        noticed = Interval(acted.at + NOTICED_WITHIN, acted.until)
        if acted.alert_id is None and change.at in noticed:
            for message in (m for m in about_it if change.at <= m.at < acted.until and m.subject is not None):
                words = f"{inbox.channel.name} was told of it while it was silenced"
                yield Finding(message.at, Wrong.FALSE, "what is silenced is not told", change.subject, words)
        elif acted.alert_id is None:
            continue
        stands = tuple(i for i in case.open(change.kind, change.subject) if i.begin <= change.at < i.end)
        after = both(stands, (Interval(acted.until, inf),))
        for by, _ in obligations(after, inbox.calm, NOTICED_WITHIN + GROUPED_WITHIN, case.end):
            if not any(acted.until <= m.at <= by and m.state is State.OPEN and not m.edit for m in about_it):
                words = f"{inbox.channel.name} had to be told by then what was still open"
                yield Finding(by, Wrong.MISSED, "what was silenced is told at the end", change.subject, words)


def _is_about(acted: Acted, change: AlertChange) -> bool:
    if acted.alert_id is not None:
        return change.alert_id == acted.alert_id and change.at < acted.at
    return change.at < acted.until


def _may_tell(message: Message, change: AlertChange) -> bool:
    """Whether a message is about the alert, or about a group that may count it."""
    return message.subject in {None, change.subject}
