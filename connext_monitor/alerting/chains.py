"""A chain as the watches need it: each asks for the abilities that it uses, and an observed chain has them all."""

from collections.abc import Sequence
from math import inf
from typing import Protocol

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import BlockNumber, Timestamp, TransferId


class VisibleChain(Protocol):
    """A chain of which it is known whether it is in sight."""

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
        """Seconds, on our own clock, since its covered head last rose.

        Before this program started, too, once this one has had a fair chance to have it rise; else since the start.
        """
        ...

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, in words."""
        ...


class JudgedChain(Protocol):
    """A chain that can be asked about single transfers: what is past due there can be judged."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, in words."""
        ...

    def reads_history(self, watermark: Timestamp) -> bool:
        """Whether a chain covered up to there is catching up: late legs may have arrived in what comes."""
        ...

    def has_reread(self, number: BlockNumber, since: float = -inf) -> bool:
        """Whether a block of that height, read before, would be known to be gone, or nobody can know for long.

        Unless it is final, it is read again after ``since`` (on the monotonic clock).
        """
        ...

    @property
    def unanswered(self) -> str | None:
        """Why the last question about a transfer was not answered, in words; None where it was."""
        ...

    def cover_past(self, instant: Timestamp) -> None:
        """Have it covered past this instant as soon as it has such a block."""
        ...

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus | None:
        """What it says of a transfer after the watermark's block or a later one; None where it cannot be asked now."""
        ...

    async def transfer_statuses(self, transfer_ids: Sequence[TransferId]) -> list[TransferStatus] | None:
        """What it says of each; None where one of them cannot be asked about now."""
        ...

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool | None:
        """Have the transfer's events since then looked for and recorded; None where it cannot be asked now."""
        ...
