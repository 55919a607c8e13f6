"""A chain as those see it who wait for something to happen on it."""

from typing import Protocol

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import Timestamp, TransferId


class Destination(Protocol):
    """One configured chain."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def observed(self) -> bool:
        """Whether its covered head has risen lately, since this program started."""
        ...

    @property
    def silent_for(self) -> float:
        """Seconds, on our own clock, since its covered head last rose, or since this program started."""
        ...

    def reads_history(self, watermark: Timestamp) -> bool:
        """Whether a chain covered up to there is catching up: late legs may have arrived in what comes."""
        ...

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, in words."""
        ...

    @property
    def unanswered(self) -> str | None:
        """Why the last question about a transfer was not answered, in words; None where it was."""
        ...

    def look(self, past: Timestamp) -> None:
        """Have it covered past this instant as soon as it has such a block."""
        ...

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus | None:
        """What it says of a transfer after the watermark's block or a later one; None where it cannot be asked now."""
        ...

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool | None:
        """Have the transfer's events since then looked for and recorded; None where it cannot be asked now."""
        ...
