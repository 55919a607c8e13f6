"""What the web needs of the store."""

from collections.abc import Sequence
from typing import Protocol

from connext_monitor.core.alert import AlertKind, AlertState
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.documents import TransferView
from connext_monitor.core.events import DomainId
from connext_monitor.core.selection import AlertRow, Cursor, TransferFilter
from connext_monitor.core.stats import Stats, Timeline, Window


class ReadStore(Protocol):
    """Reads only; each is one consistent look."""

    async def transfers(
        self, wanted: TransferFilter, *, limit: int, after: Cursor | None = None
    ) -> Sequence[TransferView]:
        """At most ``limit`` transfers, newest first, from behind ``after`` on."""
        ...

    async def transfers_by(self, id_or_tx: bytes) -> Sequence[TransferView]:
        """The transfer of this id, else those with an event in the transaction of this hash, in log order."""
        ...

    async def alerts(
        self, state: AlertState | None, *, limit: int, after: int | None = None
    ) -> Sequence[tuple[AlertRow, TransferView | None]]:
        """At most ``limit`` alerts, newest first, each with the transfer it is about."""
        ...

    async def nonces(self, domain: DomainId) -> Nonces | None:
        """What is known of an origin's nonces."""
        ...

    async def count_open_alerts(self) -> dict[AlertKind, int]:
        """How many alerts of each kind are open."""
        ...


class ReadStatistics(Protocol):
    """Numbers over many transfers; each is one consistent look."""

    async def over(self, window: Window) -> Stats:
        """Pathways and routers."""
        ...

    async def timeline(self, window: Window, width: int) -> Timeline:
        """The window in parts of ``width`` seconds."""
        ...
