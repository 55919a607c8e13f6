"""One thing to tell one channel, and what a channel must be able to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connext_monitor.core.alert import Alert
from connext_monitor.core.delivery import Change, Outcome
from connext_monitor.core.documents import TransferView
from connext_monitor.core.message import Message


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert's opening or end, ready to be written by a provider.

    ``key`` is the same on every retry of this notice and differs between opened and resolved; ``created_at`` is when
    it was stored.
    """

    key: str
    change: Change
    alert: Alert
    message: Message
    transfer: TransferView | None
    created_at: datetime
    drill: bool = False


class Provider(Protocol):
    """An alert channel. Never raises for what a channel or a network does: that is an `Outcome`."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Tell it; ``reference`` is what this channel returned for the alert's opening, if it did."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
