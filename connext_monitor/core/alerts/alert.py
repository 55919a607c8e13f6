"""An alert, and what a kind of alert is: everything that is said and done differently for one kind than for another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec.json import Decoder

from connext_monitor.core.alerts.cause import Cause
from connext_monitor.core.alerts.chain_reading import ChainReading
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field, Link, Message
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import DomainId, Hash32, Pathway, TransferId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.structs import replace, struct
from connext_monitor.core.transfer import Transfer

D = TypeVar("D", bound=Details)
D_co = TypeVar("D_co", bound=Details, covariant=True)
D_contra = TypeVar("D_contra", bound=Details, contravariant=True)


class About(Enum):
    """What the alerts of a kind are about; decides which providers are to get them, and what their subject is."""

    TRANSFER = "a transfer; the subject is its id"
    PATHWAY = "a pathway"
    CHAIN = "a chain; the subject is its name"
    ROUTER = "a router of the config; the subject begins with its name"
    PROVIDER = "an alert provider; the subject is its name"
    MONITOR = "the monitor itself"


class AlertState(StrEnum):
    """Open until it resolves."""

    OPEN = "open"
    RESOLVED = "resolved"


@struct(frozen=True, slots=True)
class BurstWords:
    """How the digest of a burst speaks of a kind: what it counts, what is wrong, what the members it names are."""

    singular: str
    plural: str
    wrong: str
    right: str
    meaning: str
    names: tuple[str, str] = ("First", "Also")

    def counted(self, count: int) -> str:
        """``1 transfer``, ``1,200 transfers``."""
        return f"{count:,} {self.singular if count == 1 else self.plural}"


@struct(frozen=True, slots=True)
class Headline:
    """What a list says of all open alerts of a kind: of one, and of several, whose count stands for ``{}``."""

    singular: str
    plural: str

    def of(self, count: int) -> str:
        """For so many."""
        return self.singular if count == 1 else self.plural.format(count)


@struct(frozen=True, slots=True)
class Alert:
    """One alert.

    ``subject`` is the transfer id (hex) for transfer alerts, else the name of what it is about; ``causes`` is what is
    known of why a leg is late; ``inhibited_by`` is the id of the alert because of which it is, if one stood last.
    """

    id: str
    kind: "AlertKind"
    severity: Severity
    subject: str
    opened_at: datetime
    details: Details
    transfer_id: TransferId | None = None
    state: AlertState = AlertState.OPEN
    resolved_at: datetime | None = None
    resolution: Resolution | None = None
    causes: tuple[Cause, ...] = ()
    inhibited_by: str | None = None

    @property
    def pathway(self) -> Pathway | None:
        """The pathway (origin, destination) that it is about."""
        return self.details.pathway

    @property
    def escalated_at(self) -> int | None:
        """When it was made critical for having been open too long (Unix seconds)."""
        return self.details.escalated_at

    def escalated(self, at: datetime) -> "Alert":
        """The same alert, critical from then on."""
        details = self.details.replace(escalated_at=int(at.timestamp()))
        return replace(self, severity=Severity.CRITICAL, details=details)

    def resolved(self, resolution: Resolution, at: datetime) -> "Alert":
        """The same alert, ended. Raises ValueError where its kind does not end so."""
        self.kind.check_ending(resolution)
        return replace(self, state=AlertState.RESOLVED, resolved_at=at, resolution=resolution)


def compose(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
    """The message for an alert as it is now; ``transfer`` where it is about one."""
    return alert.kind.compose(alert, transfer, labels)


@dataclass(frozen=True, slots=True)
class AlertView(Generic[D_co]):
    """An alert with its details as its kind's type, and what its words need beside them."""

    alert: Alert
    details: D_co
    transfer: Transfer | None
    labels: ChainLabels

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.alert.subject

    def tx_links(self, name: str, domain: DomainId, tx_hash: str) -> tuple[Link, ...]:
        """A link of this name to a transaction (its hash in hex) in its chain's explorer; none if that is not known."""
        url = self.labels.tx_link(domain, Hash32(bytes.fromhex(tx_hash.removeprefix("0x"))))
        return () if url is None else (Link(name, url),)


@struct(frozen=True, slots=True)
class Body:
    """What a message says, without how bad it is."""

    title: str
    text: str
    fields: tuple[Field, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending(Generic[D_contra]):
    """One way in which a kind's alerts end: in a digest that counts them, and in an alert's own message."""

    counted: str
    words: Callable[[AlertView[D_contra]], Body]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KindOf(Generic[D]):
    """A kind of alert whose details are of type ``D``: what can be wrong.

    ``opened`` is what its message says while an alert is open, ``endings`` what becomes of that; ``reading_ends`` how
    what has been read of a chain ends an alert with these details, where it can. ``inhibits`` names the kinds whose
    alerts need no message of their own while one of this kind stands, each with whether one on a pathway is such.
    """

    name: str
    severity: Severity
    about: About
    details: type[D]
    opened: Callable[[AlertView[D]], Body]
    endings: Mapping[Resolution, Ending[D]]
    burst: BurstWords
    headline: Headline
    repeats_status: bool = False
    """Whether the page shows the same beside its alerts, as the present state of a chain or a channel."""
    excludes_legs: bool = False
    """Whether an open alert about a transfer says all there is to say about its legs: none of them is judged."""
    reading_ends: Callable[[D, ChainReading], Resolution | None] | None = None
    inhibits: Mapping[str, Callable[[D, Pathway], bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a kind whose alerts could not be routed, or not be ended; prepare its details for all threads."""
        if self.about in {About.TRANSFER, About.PATHWAY} and self.details.pathway is Details.pathway:
            raise TypeError(f"the details of {self.name} do not say its pathway")
        if self.excludes_legs and self.about is not About.TRANSFER:
            raise TypeError(f"{self.name} is about no transfer, and says nothing about legs")
        if self.reading_ends and self.about is not About.CHAIN:
            raise TypeError(f"{self.name} is about no chain, and nothing read of one ends it")
        # Here, while there is one thread: msgspec works a type out at its first use and shares the result before it is
        # whole, so that a second thread that reads the same details meanwhile ends the process (a segmentation fault).
        Decoder(self.details)

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__

    @property
    def resolutions(self) -> Mapping[Resolution, str]:
        """How its alerts can end, with the words in which a digest counts those that ended so."""
        return {resolution: ending.counted for resolution, ending in self.endings.items()}

    def alert_id(self, transfer_id: TransferId) -> str:
        """The one id of its alert about this transfer, whatever restarts in between."""
        return f"{self.name}:{_hex(transfer_id)}"

    def keyed_id(self, subject: str, key: str) -> str:
        """The one id of its alert about what has this name that is known by ``key``."""
        return f"{self.name}:{subject}:{key}"

    def open(
        self,
        subject: TransferId | str,
        at: datetime,
        details: D,
        causes: tuple[Cause, ...] = (),
        *,
        key: str | None = None,
    ) -> Alert:
        """An alert of this kind that opens at ``at``, about a transfer or about what has this name.

        One about a transfer has one id for ever, and so has one with a ``key``; any other is a new alert with each
        opening.
        """
        of_transfer = isinstance(subject, bytes)
        if of_transfer is not (self.about is About.TRANSFER):
            raise TypeError(f"{self.name} is about {self.about.value}")
        return Alert(
            id=self.alert_id(subject)
            if isinstance(subject, bytes)
            else self.keyed_id(subject, f"{at:%Y%m%dT%H%M%S.%fZ}" if key is None else key),
            kind=self,
            severity=self.severity,
            subject=_hex(subject) if isinstance(subject, bytes) else subject,
            opened_at=at,
            details=details,
            transfer_id=subject if isinstance(subject, bytes) else None,
            causes=causes,
        )

    def read_details(self, stored: str | bytes) -> Details:
        """The details that are stored as this JSON object. Raises `msgspec.ValidationError`."""
        return self.details.read(stored)

    @property
    def ends_by_reading(self) -> bool:
        """Whether its alerts, which are about chains, can end with what is read of these."""
        return self.reading_ends is not None

    def ended_by(self, alert: Alert, reading: ChainReading) -> Resolution | None:
        """How what has been read of its chain ends one of its alerts; None where it does not."""
        return self.reading_ends(self.details_of(alert), reading) if self.reading_ends else None

    def is_cause_of(self, alert: Alert, other: Alert) -> bool:
        """Whether one of its alerts is the cause of another alert, which then needs no message of its own."""
        is_its = self.inhibits.get(other.kind.name)
        return is_its is not None and other.pathway is not None and is_its(self.details_of(alert), other.pathway)

    def check_ending(self, resolution: Resolution) -> None:
        """Raise ValueError where no alert of this kind ends so."""
        if resolution not in self.endings:
            raise ValueError(f"{self.name} does not end as {resolution}")

    def details_of(self, alert: Alert) -> D:
        """The details of one of its alerts. Raises TypeError for an alert of another kind."""
        if alert.kind is not self or not isinstance(alert.details, self.details):
            raise TypeError(f"{alert.id} is no {self.name}")
        return alert.details

    def compose(self, alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
        """The message for one of its alerts, as that is now."""
        view = AlertView(alert, self.details_of(alert), transfer, labels)
        body = self.opened(view) if alert.resolution is None else self.endings[alert.resolution].words(view)
        resolved = alert.state is AlertState.RESOLVED
        return Message(body.title, body.text, alert.severity, resolved, body.fields, body.links)


AlertKind: TypeAlias = KindOf[Any]
"""A kind, as those see it who deal with alerts of every kind."""


def _hex(transfer_id: TransferId) -> str:
    return f"0x{transfer_id.hex()}"
