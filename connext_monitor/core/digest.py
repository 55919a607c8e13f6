"""What the message about a group of alerts says: how many, how many are still open, which are the worst."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connext_monitor.core.alert import Alert, AlertKind, Severity
from connext_monitor.core.cause import OF_A_PATHWAY, known_words
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.message import Field, Instant, Link, Message, amount_of, duration_words
from connext_monitor.core.queue import Topic
from connext_monitor.core.transfer_view import TransferView

LARGEST = 3
"""How many of the largest a digest names."""


@dataclass(frozen=True, slots=True)
class Named:
    """A member that the digest names, with the transfer it is about."""

    alert: Alert
    transfer: TransferView | None = None

    @property
    def due_at(self) -> int | None:
        """When its leg was due (Unix seconds)."""
        due_at = self.alert.details.get("due_at")
        return None if due_at is None else int(due_at)


@dataclass(frozen=True, slots=True)
class Digest:
    """A group as it is now.

    ``oldest`` is the member that stands longest, ``largest`` those that move the most, by the amount in 18 decimals,
    whatever the token; both of the open ones, as long as any is. ``endings`` counts the ended ones by their resolution,
    ``before`` the others of its topic that the channel had been told of when the group was formed.
    """

    group_id: int
    topic: Topic
    severity: Severity
    members: int
    open: int
    opened_at: datetime
    oldest: Named
    largest: tuple[Named, ...] = ()
    endings: Mapping[str, int] = field(default_factory=dict)
    before: int = 0
    reference: str | None = None
    attempts: int = 0


def compose_digest(digest: Digest, labels: ChainLabels, now: float) -> Message:
    """The message about a group as it is; ``now`` in Unix seconds."""
    wording = _WORDINGS[digest.topic.kind]
    first, other = wording.names
    named = [(first, digest.oldest), *((other, one) for one in digest.largest)]
    return Message(
        title=_title(digest, wording, labels),
        text=_text(digest, wording, labels, now),
        severity=digest.severity,
        resolved=digest.open == 0,
        fields=tuple(_facts(digest, named, labels)),
        links=tuple(link for name, one in named for link in _links(name, one, labels)),
    )


@dataclass(frozen=True, slots=True)
class _Wording:
    """How a kind of alert is spoken of: what it is about, one and many; what is wrong; how the named are called."""

    one: str
    many: str
    wrong: str
    right: str
    meaning: str
    names: tuple[str, str]

    def counted(self, count: int) -> str:
        return f"{count:,} {self.one if count == 1 else self.many}"


_TRANSFERS = ("Longest overdue", "Among the largest")
_WORDINGS: Mapping[AlertKind, _Wording] = {
    AlertKind.EXECUTE_OVERDUE: _Wording(
        one="transfer",
        many="transfers",
        wrong="overdue for execution",
        right="no longer overdue for execution",
        meaning="The recipients have not received the funds.",
        names=_TRANSFERS,
    ),
    AlertKind.RECONCILE_OVERDUE: _Wording(
        one="transfer",
        many="transfers",
        wrong="overdue for reconciliation",
        right="no longer overdue for reconciliation",
        meaning="The routers have not got their funds back.",
        names=_TRANSFERS,
    ),
    AlertKind.CHAIN_UNOBSERVED: _Wording(
        one="chain",
        many="chains",
        wrong="not observed",
        right="observed again",
        meaning="Nothing can be said about transfers to them meanwhile.",
        names=("Longest out of sight", "Also"),
    ),
    AlertKind.DEEP_REORG: _Wording(
        one="chain",
        many="chains",
        wrong="reorganised below finality",
        right="covered again after a deep reorg",
        meaning="Transfers that were reported as settled may not be.",
        names=("First", "Also"),
    ),
    AlertKind.PHANTOM_DELIVERY: _Wording(
        one="delivery",
        many="deliveries",
        wrong="without an origin",
        right="explained or taken back",
        meaning="What was paid out was never sent.",
        names=("First", "Among the largest"),
    ),
    AlertKind.DELIVERY_MISMATCH: _Wording(
        one="delivery",
        many="deliveries",
        wrong="of something else than was sent",
        right="taken back",
        meaning="What was paid out is not what their ids stand for.",
        names=("First", "Also"),
    ),
    AlertKind.PROVIDER_FAILING: _Wording(
        one="alert provider",
        many="alert providers",
        wrong="failing",
        right="taking alerts again",
        meaning="What they should have told waits in the database.",
        names=("First", "Also"),
    ),
    AlertKind.BACKUP_FAILED: _Wording(
        one="backup",
        many="backups",
        wrong="failing",
        right="made again",
        meaning="What happens to the database now happens to its only copy.",
        names=("First", "Also"),
    ),
    AlertKind.DATABASE_FAILING: _Wording(
        one="database",
        many="databases",
        wrong="failing",
        right="working again",
        meaning="Nothing new is recorded until it works again.",
        names=("First", "Also"),
    ),
    AlertKind.MONITOR_STARTED_BLIND: _Wording(
        one="chain",
        many="chains",
        wrong="watched without part of the past",
        right="read after all",
        meaning="What happened in the blocks that no endpoint has any more is not known.",
        names=("First", "Also"),
    ),
}

_ENDINGS = {
    "executed": "executed late",
    "reconciled": "reconciled late",
    "reorged": "withdrawn because a reorg took their XCalled",
    "observed": "observed again",
    "covered_again": "covered again",
    "origin_found": "with an origin after all",
    "recovered": "recovered",
    "backed_up": "made again",
    "caught_up": "read after all",
    "removed": "no longer configured",
}


def _title(digest: Digest, wording: _Wording, labels: ChainLabels) -> str:
    if digest.open == 0:
        words = f"{wording.counted(digest.members)} {wording.right}"
    elif digest.open == digest.members:
        words = f"{wording.counted(digest.members)} {wording.wrong}"
    else:
        words = f"{digest.open:,} of {wording.counted(digest.members)} still {wording.wrong}"
    if digest.topic.pathway is None:
        return words
    origin, destination = map(labels.display_name, digest.topic.pathway)
    return f"{words}: {origin} → {destination}"


def _text(digest: Digest, wording: _Wording, labels: ChainLabels, now: float) -> str:
    sentences = []
    if digest.open:
        sentences.append(wording.meaning)
        since, verb = _standing(digest)
        sentences.append(f"The first {verb} {duration_words(now - since)} before this was written.")
        common = [cause for cause in digest.oldest.alert.causes if cause.kind in OF_A_PATHWAY]
        if known := known_words(common, labels, ended=False):
            sentences.append(known)
    if digest.open and digest.before:
        sentences.append(f"{digest.before:,} more were told of before, in other messages.")
    if digest.endings:
        ended = ", ".join(f"{count:,} {_ENDINGS.get(how, how)}" for how, count in sorted(digest.endings.items()))
        sentences.append(f"Ended: {ended}.")
    if digest.open:
        sentences.append('"connext-monitor alerts --state open" lists them all.')
    return " ".join(sentences)


def _standing(digest: Digest) -> tuple[float, str]:
    due_at = digest.oldest.due_at
    return (digest.oldest.alert.opened_at.timestamp(), "was told") if due_at is None else (due_at, "was due")


def _facts(digest: Digest, named: Sequence[tuple[str, Named]], labels: ChainLabels) -> Iterator[Field]:
    for name, one in named:
        transfer = one.transfer.transfer if one.transfer else None
        amount = amount_of(transfer, labels) if transfer and transfer.info else None
        yield Field(name, f"{one.alert.subject} · {amount}" if amount else one.alert.subject)
    if digest.oldest.due_at is not None:
        yield Field("Due first", Instant(digest.oldest.due_at))
    yield Field("First alert", Instant(int(digest.opened_at.timestamp())))


def _links(name: str, one: Named, labels: ChainLabels) -> list[Link]:
    transfer = one.transfer.transfer if one.transfer else None
    if transfer is None or transfer.xcalled is None:
        return []
    url = labels.tx_link(transfer.origin, transfer.xcalled.tx_hash)
    return [Link(f"{name} {one.alert.subject[:10]}…", url)] if url else []
