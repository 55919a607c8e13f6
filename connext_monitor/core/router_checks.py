"""What the bridge's contract says that routers have, beside what their books come to."""

from collections.abc import Collection, Mapping
from datetime import datetime

from connext_monitor.core.events import Address, BlockRef, DomainId
from connext_monitor.core.router_books import BookId
from connext_monitor.core.structs import struct


@struct(frozen=True, slots=True)
class BalanceCheck:
    """A balance in the contract after a covered block, and by how much it exceeded the book's: base units."""

    block: BlockRef
    balance: int
    difference: int


@struct(frozen=True, slots=True)
class UnknownBalances:
    """Why what routers have on a chain is not known now, and since when that is so."""

    reason: str
    since: datetime


class RouterChecks:
    """The latest check of each balance that is watched, and the names of the routers that the config names."""

    def __init__(self, names: Mapping[Address, str] | None = None) -> None:
        self.names = dict(names or {})
        self._latest: dict[BookId, BalanceCheck] = {}
        self._unknown: dict[DomainId, UnknownBalances | None] = {}

    def note(self, book: BookId, check: BalanceCheck) -> None:
        """From now on this is the latest."""
        self._latest[book] = check

    def note_answer(self, domain: DomainId, reason: str | None, at: datetime) -> None:
        """The chain was asked for balances; the ``reason`` why they are not known, None where it said them."""
        before = self._unknown.get(domain)
        self._unknown[domain] = None if reason is None else UnknownBalances(reason, before.since if before else at)

    @property
    def asked(self) -> Mapping[DomainId, UnknownBalances | None]:
        """The chains that were asked for balances, each with why these are not known now, if so."""
        return self._unknown

    def of(self, book: BookId) -> BalanceCheck | None:
        """The latest one; None where there was none since the program started."""
        return self._latest.get(book)

    @property
    def checked(self) -> Collection[BookId]:
        """The balances that were checked."""
        return self._latest.keys()
