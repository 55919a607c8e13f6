"""What the message about a group of alerts says: how many, how many are still open, which are the worst."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from operator import itemgetter

from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState, BurstWords, compose
from connext_monitor.core.alerts.cause import OF_A_PATHWAY, known_words
from connext_monitor.core.alerts.message import Field, Instant, Link, Message
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.transfer_facts import amount_of
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.queue import Topic
from connext_monitor.core.structs import replace, struct
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.core.words import duration_words

LARGEST = 3
"""How many of the largest a digest names."""
MOST_NAMED = 3
"""How many members are named with their cause."""
LATE_BECAUSE = "Late because of it"


@struct(frozen=True, slots=True)
class NamedMember:
    """A member that the digest names, with the transfer it is about."""

    alert: Alert
    transfer: TransferView | None = None

    @property
    def due_at(self) -> int | None:
        """When its leg was due (Unix seconds)."""
        return self.alert.details.due_at


@struct(frozen=True, slots=True)
class Because:
    """Why the members of a group are late: an alert, as it is now.

    ``counts`` are the members and the open ones of each kind; ``carried``: the message to change is that alert's own.
    """

    cause: Alert
    counts: Mapping[AlertKind, tuple[int, int]]
    carried: bool


@struct(frozen=True, slots=True)
class Digest:
    """A group as it is now.

    ``oldest`` is the member that has been open longest, ``largest`` those that move the most (the amount scaled to 18
    decimals, whatever the token); both are open members, as long as any is open. ``endings`` counts the ended members
    by their resolution, under None those that have opened again since. ``before`` counts the other alerts of its topic
    that had been sent to the channel when the group was formed. A group that is ``because`` of an alert may hold more
    than one kind.
    """

    group_id: int
    topic: Topic
    severity: Severity
    members: int
    open: int
    opened_at: datetime
    oldest: NamedMember
    largest: tuple[NamedMember, ...] = ()
    endings: Mapping[Resolution | None, int] = field(default_factory=dict)
    before: int = 0
    reference: str | None = None
    attempts: int = 0
    because: Because | None = None


def compose_digest(digest: Digest, labels: ChainLabels, now: float) -> Message:
    """The message about a group as it is; ``now`` in Unix seconds."""
    if digest.because is not None:
        return _with_cause(digest, digest.because, labels)
    wording = digest.topic.kind.burst
    named = _named(digest)
    return Message(
        title=_title(digest, wording, labels),
        text=_text(digest, wording, labels, now),
        severity=digest.severity,
        resolved=digest.open == 0,
        fields=tuple(_facts(digest, named, labels)),
        links=tuple(link for name, member in named for link in _links(name, member, labels)),
    )


def _named(digest: Digest) -> list[tuple[str, NamedMember]]:
    first, other = digest.oldest.alert.kind.burst.names
    return [(first, digest.oldest), *((other, member) for member in digest.largest)]


def _title(digest: Digest, wording: BurstWords, labels: ChainLabels) -> str:
    words = _counted(wording, digest.members, digest.open)
    if digest.topic.pathway is None:
        return words
    origin, destination = map(labels.display_name, digest.topic.pathway)
    return f"{words}: {origin} → {destination}"


def _counted(wording: BurstWords, members: int, still_open: int) -> str:
    if still_open == 0:
        return f"{wording.counted(members)} {wording.right}"
    if still_open == members:
        return f"{wording.counted(members)} {wording.wrong}"
    return f"{still_open:,} of {wording.counted(members)} still {wording.wrong}"


def _with_cause(digest: Digest, because: Because, labels: ChainLabels) -> Message:
    """The message about the cause with what is late because of it; or where that cannot be, the latter by itself."""
    cause = because.cause
    cause = replace(cause, state=AlertState.OPEN, resolved_at=None, resolution=None)
    message = compose(cause, None, labels)
    counts = "; ".join(
        _counted(kind.burst, members, still_open) for kind, (members, still_open) in because.counts.items()
    )
    named = _named(digest)[:MOST_NAMED] if digest.open else []
    facts = [Field(name, _member_words(member, labels)) for name, member in named]
    links = tuple(link for name, member in named for link in _links(name, member, labels))
    if because.carried:
        fields = (*message.fields, Field(LATE_BECAUSE, counts), *facts)
        return replace(message, fields=fields, links=(*message.links, *links))
    over = digest.open == 0
    if over:
        counts = "; ".join(kind.burst.counted(members) for kind, (members, _) in because.counts.items())
    return Message(
        title=f'{"No longer late" if over else "Late"} because of "{message.title}": {counts}',
        text=" ".join(_because_sentences(because, digest.before, over=over)),
        severity=digest.severity,
        resolved=over,
        fields=tuple(facts),
        links=links,
    )


def _because_sentences(because: Because, before: int, *, over: bool) -> Iterator[str]:
    if over:
        yield "Any that are late all the same are reported separately."
    else:
        yield from (kind.burst.meaning for kind, (_, still_open) in because.counts.items() if still_open)
        if before:
            yield f"{before:,} more were reported before, in other messages."
        yield '"connext-monitor alerts --state open" lists them all.'


def _text(digest: Digest, wording: BurstWords, labels: ChainLabels, now: float) -> str:
    sentences = []
    if digest.open:
        sentences.append(wording.meaning)
        since, verb = _standing(digest)
        sentences.append(f"The first {verb} {duration_words(now - since)} before this was written.")
        common = [cause for cause in digest.oldest.alert.causes if cause.kind in OF_A_PATHWAY]
        if causes := known_words(common, labels, ended=False):
            sentences.append(causes)
    if digest.open and digest.before:
        sentences.append(f"{digest.before:,} more were reported before, in other messages.")
    if digest.endings:
        words = digest.topic.kind.resolutions
        endings = ((count, words[how] if how else "opened again since") for how, count in digest.endings.items())
        ended = ", ".join(f"{count:,} {how}" for count, how in sorted(endings, key=itemgetter(1)))
        sentences.append(f"Ended: {ended}.")
    if digest.open:
        sentences.append('"connext-monitor alerts --state open" lists them all.')
    return " ".join(sentences)


def _standing(digest: Digest) -> tuple[float, str]:
    due_at = digest.oldest.due_at
    return (digest.oldest.alert.opened_at.timestamp(), "was reported") if due_at is None else (due_at, "was due")


def _facts(digest: Digest, named: Sequence[tuple[str, NamedMember]], labels: ChainLabels) -> Iterator[Field]:
    for name, member in named:
        yield Field(name, _member_words(member, labels))
    if digest.oldest.due_at is not None:
        yield Field("Due first", Instant(digest.oldest.due_at))
    yield Field("First alert", Instant(int(digest.opened_at.timestamp())))


def _member_words(member: NamedMember, labels: ChainLabels) -> str:
    transfer = member.transfer.transfer if member.transfer else None
    amount = amount_of(transfer, labels) if transfer and transfer.info else None
    return f"{member.alert.subject} · {amount}" if amount else member.alert.subject


def _links(name: str, member: NamedMember, labels: ChainLabels) -> list[Link]:
    transfer = member.transfer.transfer if member.transfer else None
    if transfer is None or transfer.xcalled is None:
        return []
    url = labels.tx_link(transfer.origin, transfer.xcalled.tx_hash)
    return [Link(f"{name} {member.alert.subject[:10]}…", url)] if url else []
