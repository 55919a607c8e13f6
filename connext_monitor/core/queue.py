"""What a channel is still to be sent, message by message, and as the store counts it by topic and group.

All times that are numbers are Unix seconds of our own clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Self

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.core.report import Report
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer_view import TransferView

BATCH = 500
"""The most alerts that join a group in one transaction, so that no transaction takes long."""

_ESCALATED, _AGAIN = ":escalated", ":again:"


@struct(frozen=True, slots=True)
class Topic:
    """What a group is about: one kind of alert, for transfers on one pathway (origin, destination).

    Those that have become critical for having been open too long are a topic of their own: counted in the message that
    told of them before, which merely changes, they would page nobody. So are those that are told again as nobody has
    dealt with them meanwhile, each time (``again``): a message that counts them already would not even change.
    """

    kind: AlertKind
    pathway: Pathway | None = None
    escalated: bool = False
    again: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The topic that was written so by ``str``."""
        first, _, again = text.partition(_AGAIN)
        kind, *pathway = first.removesuffix(_ESCALATED).split(":")
        said = first.endswith(_ESCALATED), int(again or 0)
        if not pathway:
            return cls(KINDS[kind], None, *said)
        origin, destination = map(int, pathway)
        return cls(KINDS[kind], (DomainId(origin), DomainId(destination)), *said)

    def __str__(self) -> str:
        first = ":".join(map(str, (self.kind.name, *(self.pathway or ())))) + _ESCALATED * self.escalated
        return f"{first}{_AGAIN}{self.again}" if self.again else first


@struct(frozen=True, slots=True)
class QueuedDelivery:
    """One change of one alert that one provider has not been sent yet.

    ``alert`` is as it was when this was queued, ``transfer`` as it is now; ``reference`` is what the channel called the
    message to edit; ``next_attempt_at`` is in Unix seconds.
    """

    id: int
    provider: str
    change: Change
    alert: Alert
    transfer: TransferView | None
    reference: str | None
    attempts: int
    next_attempt_at: float
    created_at: datetime


@struct(frozen=True, slots=True)
class QueuedReport:
    """A report that one provider has not been sent yet; ``next_attempt_at`` is in Unix seconds."""

    id: int
    report: Report
    attempts: int
    next_attempt_at: float
    made_at: datetime


@struct(frozen=True, slots=True)
class Waiting:
    """The openings of one topic that have not been attempted and are in no group.

    ``first_id`` is the delivery that was stored first; ``fresh`` and ``critical`` say whether any of them is; ``cause``
    is the id of the alert, known to the channel as open, because of which they are late.
    """

    topic: Topic
    count: int
    first_id: int
    oldest: float
    newest: float
    fresh: bool = True
    critical: bool = False
    cause: str | None = None

    @property
    def about(self) -> Topic | str:
        """What a group of them would be about: their cause, or else their topic."""
        return self.cause or self.topic


@struct(frozen=True, slots=True)
class WaitingEnd:
    """The first end not yet attempted of an alert whose opening was sent by itself."""

    delivery_id: int
    queued_at: float


@struct(frozen=True, slots=True)
class Retry:
    """An opening or an end that was sent by itself and not taken; it stays by itself."""

    delivery_id: int
    change: Change
    queued_at: float


@struct(frozen=True, slots=True)
class GroupMessage:
    """What a group's message says: when it was last sent, how many members it counts, and how many of them as open."""

    at: float
    members: int
    open: int


@struct(frozen=True, slots=True)
class Group:
    """A group whose end has not been sent.

    ``oldest`` and ``newest`` are when the first and the last of its openings were stored; ``opened_with`` is how many
    members its opening counted, None before that; ``before`` how many others of its topic the channel knew of then;
    ``editable`` whether the channel has said what it calls the message. One with a ``cause`` counts what is late
    because of that alert, of whatever topic; it is ``carried`` where the message of that alert does so.
    """

    id: int
    topic: Topic
    members: int
    open: int
    before: int
    oldest: float
    newest: float
    formed_at: float
    opened_with: int | None = None
    message: GroupMessage | None = None
    editable: bool = False
    attempts: int = 0
    cause: str | None = None
    carried: bool = False

    @property
    def about(self) -> Topic | str:
        """What it is about: the cause, or else the topic."""
        return self.cause or self.topic

    @property
    def room(self) -> int:
        """How many more may join without a new message: as many as the channel knew of after the opening.

        What has a cause that the channel knows of is not news, however many there are.
        """
        if self.opened_with is None or self.cause is not None:
            return BATCH
        return max(0, 2 * self.opened_with + self.before - self.members) if self.open else 0


@struct(frozen=True, slots=True)
class RecentOpenings:
    """The openings of one topic that were sent one by one within the last interval: how many, and when the last."""

    count: int
    last: float


@struct(frozen=True, slots=True)
class Queue:
    """All that one channel is still to be sent.

    ``member_ends`` counts the ends of group members that have not been noted yet, and what needs not be told any more
    as it opened and ended while its cause stood; the first was stored at ``ends_since``.
    """

    waiting: Sequence[Waiting] = ()
    end: WaitingEnd | None = None
    groups: Sequence[Group] = ()
    member_ends: int = 0
    ends_since: float = 0.0
    recent: Mapping[Topic, RecentOpenings] = field(default_factory=dict)
    retries: Sequence[Retry] = ()
