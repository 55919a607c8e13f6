"""What a run of the monitor did, as the oracle reads it: plain values, nothing of the monitor's.

Every instant is in seconds since the story's begin, by the world's own time: not by the monitor's clock, which may be
wrong. Ids and hashes are lower-case hex with ``0x``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What an alert, or the last message about it, says."""

    OPEN = "open"
    RESOLVED = "resolved"


class Interval(NamedTuple):
    """From ``begin`` until just before ``end``."""

    begin: float
    end: float

    def __contains__(self, at: float) -> bool:  # type: ignore[override]  # an instant, not one of its ends
        return self.begin <= at < self.end

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.begin


class Ending(StrEnum):
    """How a process of the monitor ended."""

    KILLED = "killed"
    STOPPED = "stopped"
    """As it was asked to, so that it could finish what was under way."""
    FAILED = "failed"
    """By itself."""
    REFUSED = "refused"
    """By itself, with exit code 1, before it had opened the database."""
    NONE = "none"
    """It ran until the run's end."""


@dataclass(frozen=True, slots=True)
class Life:
    """One process of an instance: from the call of ``run`` until it was gone, suspended or not."""

    instance: int
    during: Interval
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """One alert as a commit left it: written down for every commit after which its row differs from before.

    ``subject`` is a transfer's id, or a name (of a chain, a provider). ``at`` is when the commit was made, ``instance``
    whose it was.
    """

    at: float
    alert_id: str
    kind: str
    subject: str
    severity: str
    state: State
    resolution: str | None = None
    instance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request that a channel took, as its readers see it: a new message, or an earlier one that now says this.

    ``message_id`` is the channel's own; an edit has that of the message that it changes. ``acknowledged``: the channel
    said that it was taken; whoever sent it knows that, unless it was gone by then.

    A message about one alert has its ``kind`` and ``subject`` (``alert_id`` too, where the channel is told that). One
    about a group has the ``kind``, the ``pathway`` (names of origin and destination; None where the kind has none),
    how many alerts it counts as ``members``, how many of these it calls ``open``, and in ``named`` the subjects that
    it names. ``late`` counts, by kind, all that have been late because of what it is about. ``key`` is what tells a
    repetition from news: the same body sent twice has the same. ``instance`` sent it.
    """

    at: float
    channel: str
    message_id: str
    edit: bool
    kind: str
    state: State
    key: str
    subject: str | None = None
    alert_id: str | None = None
    pathway: tuple[str, str] | None = None
    members: int = 1
    open: int = 1
    named: tuple[str, ...] = ()
    late: tuple[tuple[str, int], ...] = ()
    acknowledged: bool = True
    instance: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a record says that an event stands; the timestamp is the block's, in Unix seconds."""

    block_number: int
    block_hash: str
    tx_hash: str
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRecord:
    """A transfer as it is stored when the run ends; ``status`` as the API's document calls it, domains are ids."""

    transfer_id: str
    status: str
    origin: int
    destination: int
    nonce: int | None
    xcalled: Sighting | None
    executed: Sighting | None
    reconciled: Sighting | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRecord:
    """What is stored of a chain when the run ends.

    ``start`` is the first block that is watched; ``contiguous`` the first nonce that is not proven to be here.
    """

    name: str
    start: int
    checkpoint: int
    covered: int | None
    first_nonce: int | None
    contiguous: int | None


@dataclass(frozen=True, slots=True)
class BridgeSighting:
    """Something that a chain's diamond is recorded to have said besides transfers."""

    chain: str
    says: str
    block_hash: str
    tx_hash: str


@dataclass(frozen=True, slots=True)
class Acted:
    """Somebody silenced some alerts until then, or acknowledged the one with this id; ``number`` names it.

    Silenced was what was of this ``kind``, and of pathways from ``origin`` and to ``destination`` (names of chains);
    what is None named nothing.
    """

    at: float
    until: float
    kind: str | None
    alert_id: str | None
    number: int
    origin: str | None = None
    destination: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What a run has where its instances share a database on a server.

    ``terms``: who owned the work when, in order; one that was given back as its owner was asked to stop, or that was
    handed over, was STOPPED. ``beats``: when an instance showed the server that it owns the work. ``halts``: when an
    instance's host stood still. ``cut_off``: when it could not reach the server. ``trespasses``: what an instance
    committed that did not own the work, or went by what the server had lost. ``rewound``: of what was committed when
    the server has lost all. ``lost``: changes of alerts among it.
    """

    takeover_after: float
    terms: tuple[Life, ...] = ()
    beats: tuple[tuple[int, float], ...] = ()
    halts: tuple[tuple[int, Interval], ...] = ()
    cut_off: tuple[tuple[int, Interval], ...] = ()
    trespasses: tuple[tuple[int, float], ...] = ()
    rewound: tuple[Interval, ...] = ()
    lost: tuple[AlertChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A whole run.

    ``lives`` are all processes, of one instance after the other; ``sharing`` is None where the database is a file.
    ``suspended``: the host of whoever worked on the database stood still. ``disk_failing``: its writes failed.
    ``waiting``: per channel, what the outbox still holds at the end, the ids of the alerts. Changes and messages are in
    the order in which they happened.
    """

    seconds: float
    epoch: float
    """The story's begin in Unix seconds, by a right clock."""
    lives: tuple[Life, ...]
    suspended: tuple[Interval, ...] = ()
    disk_failing: tuple[Interval, ...] = ()
    alerts: tuple[AlertChange, ...] = ()
    messages: tuple[Message, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()
    chains: tuple[ChainRecord, ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()
    """Channel and alert."""
    bridge: tuple[BridgeSighting, ...] = ()
    sharing: Sharing | None = None
    acts: tuple[Acted, ...] = ()
    """What people did."""
    unreadable: tuple[str, ...] = ()
    """The transactions of the logs that are kept because they could not be decoded."""

    @property
    def working(self) -> Iterator[Life]:
        """The processes that were not refused, or the terms of the owners, in the order in which they began."""
        if self.sharing is not None:
            return iter(self.sharing.terms)
        return iter(sorted((life for life in self.lives if life.ending is not Ending.REFUSED), key=_begin))

    @property
    def up(self) -> tuple[Interval, ...]:
        """When a monitor worked on the database."""
        return tuple(life.during for life in self.working)


def _begin(life: Life) -> float:
    return life.during.begin
