"""What the web needs of the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.delivery_records import ChannelRow, DeliveryRecord
from connext_monitor.core.events import Address, DomainId, TransferId
from connext_monitor.core.ownership import ListedInstance
from connext_monitor.core.router_books import BookId, RouterBookPage
from connext_monitor.core.selection import (
    AlertRow,
    BridgeEventFilter,
    BridgeEventPage,
    Cursor,
    OpenAlerts,
    TransferFilter,
    TransferIdPage,
)
from connext_monitor.core.stats import FilledByRouter, Window, WindowStats
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.core.transfer_view import TransferView


class ReadTransfers(Protocol):
    """Transfers as they are shown."""

    async def listed(self, which: TransferFilter, *, limit: int, after: Cursor | None = None) -> Sequence[TransferView]:
        """At most ``limit`` transfers, newest first, from behind ``after`` on."""
        ...

    async def by_id_or_tx(self, id_or_tx: bytes) -> Sequence[TransferView]:
        """The transfer of this id, else those with an event in the transaction of this hash, in log order."""
        ...

    async def shown(self, ids: Collection[TransferId | None]) -> Mapping[TransferId | None, TransferView]:
        """Those of these transfers that are known."""
        ...

    async def of_address(
        self, address: Address, which: TransferFilter, *, limit: int, after: Cursor | None
    ) -> TransferIdPage:
        """At most ``limit`` transfers that the address has a part in, newest first, from behind ``after`` on."""
        ...

    async def count_pending(self) -> Sequence[PendingLegs]:
        """The transfers that are still owed a leg, counted by pathway."""
        ...


class ReadAlerts(Protocol):
    """Alerts, and what became of them."""

    async def listed(
        self, state: AlertState | None, *, limit: int, after: int | None = None, cause: str | None = None
    ) -> Sequence[tuple[AlertRow, TransferView | None]]:
        """At most ``limit`` alerts, newest first, each with the transfer it is about.

        With a ``cause``, the alert of that id and those that it inhibits.
        """
        ...

    async def count_inhibited(self, ids: Collection[str]) -> Mapping[str, int]:
        """How many alerts are open because of each of these, where any is."""
        ...

    async def of_transfer(self, transfer_id: TransferId) -> Sequence[Alert]:
        """The alerts of one transfer, the oldest first."""
        ...

    async def count_open(self) -> dict[tuple[AlertKind, Severity], int]:
        """How many alerts of each kind and severity are open."""
        ...

    async def newest(self) -> int:
        """The revision of the last change of any alert, 0 where there is none."""
        ...

    async def changed(self, after: int, *, limit: int) -> Sequence[AlertRow]:
        """At most ``limit`` alerts that changed after this revision, in order; a row's number is its revision."""
        ...

    async def worst_open(self, limit: int) -> Sequence[Alert]:
        """At most ``limit`` open alerts: the most severe first, of these the longest open."""
        ...

    async def delivery_records(self, ids: Collection[str]) -> Mapping[str, Sequence[DeliveryRecord]]:
        """What channels were told, or are to be told, of each of these alerts, in the order of the news."""
        ...

    async def open_by_topic(self) -> Sequence[OpenAlerts]:
        """The open alerts, counted by what they are about."""
        ...


class ReadChannels(Protocol):
    """The state of the channels."""

    async def channels(self) -> Sequence[ChannelRow]:
        """The channels of which anything is stored, and how much waits for each."""
        ...


class ReadSilences(Protocol):
    """What is silenced."""

    async def standing(self) -> Sequence[Silence]:
        """The silences in force, the oldest first."""
        ...


class ReadChains(Protocol):
    """What was read of the chains."""

    async def nonces(self, domain: DomainId) -> Nonces | None:
        """What is known of an origin's nonces."""
        ...


class ReadBridge(Protocol):
    """What the bridge said besides its transfers."""

    async def listed(self, which: BridgeEventFilter, *, limit: int, after: Cursor | None = None) -> BridgeEventPage:
        """At most ``limit`` of its events, newest first, from behind ``after`` on."""
        ...

    async def router_books(
        self, *, limit: int, after: Address | None = None, also: Collection[BookId] = ()
    ) -> RouterBookPage:
        """The books of at most ``limit`` routers in the order of their addresses, from behind ``after`` on.

        ``also`` are books that belong there though nothing may be in them.
        """
        ...


class ReadInstances(Protocol):
    """The instances that share the database."""

    async def listed(self) -> Sequence[ListedInstance]:
        """All of them, by name; none where it is a file."""
        ...


class ReadStatistics(Protocol):
    """Numbers over many transfers."""

    async def over(self, window: Window, width: int | None = None) -> WindowStats:
        """Pathways and routers, and the window in parts of ``width`` seconds, by default as wide as shows it well."""
        ...

    async def router_fills(self, window: Window) -> FilledByRouter:
        """What routers fronted, without all else that ``over`` counts."""
        ...


class ReadStore(Protocol):
    """The nouns that are read; each method of one is one consistent look."""

    @property
    def trouble(self) -> str | None:
        """What keeps the database from being used, in words; None where nothing does."""
        ...

    @property
    def transfers(self) -> ReadTransfers:
        """Transfers as they are shown."""
        ...

    @property
    def alerts(self) -> ReadAlerts:
        """Alerts, and what became of them."""
        ...

    @property
    def outbox(self) -> ReadChannels:
        """The state of the channels."""
        ...

    @property
    def silences(self) -> ReadSilences:
        """What is silenced."""
        ...

    @property
    def chains(self) -> ReadChains:
        """What was read of the chains."""
        ...

    @property
    def bridge(self) -> ReadBridge:
        """What the bridge said besides its transfers."""
        ...

    @property
    def instances(self) -> ReadInstances:
        """The instances that share the database."""
        ...

    @property
    def statistics(self) -> ReadStatistics:
        """Numbers over many transfers."""
        ...
