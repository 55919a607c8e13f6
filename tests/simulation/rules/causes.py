"""One cause, one message: what is late because of an alert is counted with it, and told by itself once that is over."""

from collections.abc import Iterator, Sequence

from tests.simulation.findings import Finding
from tests.simulation.intervals import Intervals, both, meets, minus, union
from tests.simulation.rules.inbox import GROUPED_WITHIN, Inbox, known_by, untold
from tests.simulation.rules.weather import Case, obligations
from tests.simulation.trace import AlertChange, Interval, Message, State

_NEAR = 5.0
"""Seconds before an opening from which on its cause must have stood for that to be a matter of course."""

_LONGEST_APART = 3600.0


def causes_of(case: Case, change: AlertChange) -> Intervals:
    """When an alert stood that is the cause of this one, as the kinds of both say (`docs/operations.md`)."""
    if change.kind == "pathway_stalled":
        return case.open("bridge_paused", change.subject.partition("/")[2])
    transfer = case.truth.by_id.get(change.subject)
    if change.kind != "execute_overdue" or transfer is None:
        return ()
    origin, destination = (
        case.truth.by_domain[domain].name if domain in case.truth.by_domain else ""
        for domain in (transfer.origin, transfer.destination)
    )
    stalled = case.open("pathway_stalled", f"{origin}/{destination}")
    return union([*case.open("bridge_paused", destination), *stalled])


def is_cause_touched(inbox: Inbox, change: AlertChange) -> bool:
    """Whether people silenced or acknowledged what may be its cause: then nobody knows whose message counts it."""
    case = inbox.case
    if not case.touched:
        return False
    of_causes = [changes for (kind, _), changes in case.changes.items() if kind in {"bridge_paused", "pathway_stalled"}]
    stood = causes_of(case, change)
    return any(
        inbox.is_touched(changed) and meets(stood, Interval(changed.at - _NEAR, changed.at + _NEAR))
        for changes in of_causes
        for changed in changes
    )


def may_be_counted(causes: Intervals, change: AlertChange, within: float) -> bool:
    """Whether a cause stood when it opened, or came before it had to be told."""
    return meets(causes, Interval(change.at - _NEAR, change.at + within))


def is_counted(causes: Intervals, change: AlertChange) -> bool:
    """Whether its cause had stood for a while when it opened, and it is the cause's message that tells of it."""
    return any(cause.begin <= change.at - _NEAR and change.at < cause.end for cause in causes)


def counted_with_cause(inbox: Inbox, kind: str, opened: Sequence[AlertChange]) -> Iterator[Finding]:
    """The n-th alert of a kind that must be counted in time in a message about its cause is the n-th that is.

    What the weather kept from being counted so was told by itself, once its cause was over, or before its cause was
    told.
    """
    seen = set[str]()
    for change in opened:
        by = _counted_by(inbox, change)
        if by is None or _told_alone(inbox, change, by):
            continue
        seen.add(change.alert_id)
        if _counted_in(inbox.messages, kind, by) < len(seen):
            yield from untold(inbox, change, by, None)


def told_after_cause(inbox: Inbox, kind: str, opened: Sequence[AlertChange]) -> Iterator[Finding]:
    """What has outlived its cause is told by itself, or in a group, after its opening."""
    messages = [m for m in inbox.messages if m.kind == kind]
    due: list[tuple[float, AlertChange]] = []
    for change in opened:
        by = _told_by(inbox, change)
        if by is not None:
            due.append((by, change))
    for by, change in sorted(due, key=lambda of: of[0]):
        together = {other.alert_id for at, other in due if at <= by and other.at >= change.at}
        if known_by(messages, by) - known_by(messages, change.at) < len(together):
            yield from untold(inbox, change, by, None)


def _counted_by(inbox: Inbox, change: AlertChange) -> float | None:
    """By when the message of the cause that stood when it opened had to count it; a later one does not."""
    causes = tuple(cause for cause in causes_of(inbox.case, change) if change.at in cause)
    counted = both(_own(inbox.case, change), causes)
    within = GROUPED_WITHIN if inbox.channel.edits else GROUPED_WITHIN + _apart(causes, change)
    return _first(obligations(counted, inbox.calm, within, inbox.case.end))


def _apart(causes: Intervals, change: AlertChange) -> float:
    """How long after the last message about its cause the next may come, where messages cannot change.

    Each comes after twice as long as the one before, and so after as long as they have come for, but within an hour.
    """
    return min(_LONGEST_APART, max((change.at - cause.begin for cause in causes if change.at in cause), default=0.0))


def _told_alone(inbox: Inbox, change: AlertChange, by: float) -> bool:
    """Whether a channel in bad weather had a message about it alone before it had to be counted."""
    alone = [m for m in inbox.messages if (m.kind, m.subject, m.state) == (change.kind, change.subject, State.OPEN)]
    return any(change.at <= m.at <= by and not any(m.at in calm for calm in inbox.calm) for m in alone)


def _told_by(inbox: Inbox, change: AlertChange) -> float | None:
    """By when it had to be told by itself, as it had outlived its cause."""
    outlived = minus(_own(inbox.case, change), causes_of(inbox.case, change))
    after_cause = tuple(during for during in outlived if during.begin > change.at)
    return _first(obligations(after_cause, inbox.calm, GROUPED_WITHIN, inbox.case.end))


def _counted_in(messages: Sequence[Message], kind: str, at: float) -> int:
    """How many alerts of a kind readers had seen counted with their causes by then."""
    counts = {m.message_id: dict(m.late).get(kind, 0) for m in messages if m.at <= at and m.late}
    return sum(counts.values())


def _own(case: Case, change: AlertChange) -> Intervals:
    return tuple(i for i in case.open(change.kind, change.subject) if i.begin <= change.at < i.end)


def _first(by: Iterator[tuple[float, float]]) -> float | None:
    return next((at for at, _ in by), None)
