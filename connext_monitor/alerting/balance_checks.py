"""Compares what the contract says that routers have with their books, whenever it has said so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks


class ReadBooks(Protocol):
    """What books come to."""

    async def balances_after(
        self, domain: DomainId, block: BlockNumber, holdings: Sequence[RouterAsset]
    ) -> Sequence[int]:
        """What the books of these came to after this block of their chain, in that order."""
        ...


class BalanceChecks:
    """Asks nobody but the store."""

    def __init__(self, books: ReadBooks, checks: RouterChecks) -> None:
        self._books = books
        self._checks = checks

    def note_answer(self, domain: DomainId, reason: str | None, at: datetime) -> None:
        """The chain was asked for balances; the ``reason`` why they are not known, None where it said them."""
        self._checks.note_answer(domain, reason, at)

    async def compare(self, domain: DomainId, holdings: Sequence[RouterAsset], balances: CoveredBalances) -> None:
        """Note by how much these balances differ from the books as they were after the same block."""
        block = balances.block
        booked = await self._books.balances_after(domain, block.number, holdings)
        for (router, asset), balance, sum_of_events in zip(holdings, balances.amounts, booked, strict=True):
            self._checks.note((router, domain, asset), BalanceCheck(block, balance, balance - sum_of_events))
