"""Routers' books; what each number means is said in `core.router_books`."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

from msgspec import Meta, field

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.documents.chains import ChainName, chain_name
from connext_monitor.core.documents.fields import (
    AddressText,
    Count,
    Digits,
    Document,
    InstantText,
    ListDocument,
    Share,
    says,
)
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_books import RouterBook
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks
from connext_monitor.core.stats import FilledByRouter

SignedDigits = Annotated[str, Meta(pattern="^-?[0-9]+$")]
"""A whole number that may pass 2^53, or be below 0."""


class BalanceCheckDocument(Document, frozen=True, kw_only=True):
    """What the contract's `routerBalances` said after a covered block; amounts are in base units."""

    balance: Annotated[Digits, says("The router's balance in the contract.")]
    difference: Annotated[
        SignedDigits, says("By how much that exceeded what the events up to the same block add up to; 0 if they agree.")
    ]
    block_number: Annotated[Count, says("The block.")]
    timestamp: Annotated[InstantText, says("When that block was made: how old the check is.")]


class RouterBookDocument(Document, frozen=True, kw_only=True):
    """What a router has to do with one token of one chain; amounts are in base units."""

    chain: ChainName
    asset: Annotated[AddressText, says("The bridge's token on that chain.")]
    symbol: Annotated[str | None, says("What the token calls itself; null where that is not known.")]
    decimals: Annotated[Count | None, says("The token's decimals; null where they are not known.")]
    balance_from_events: Annotated[
        SignedDigits,
        says(
            "`added` less `removed` less `fronted` plus `reimbursed`: the router's balance at the bridge according to "
            "the events seen; negative where earlier ones were not seen."
        ),
    ]
    added: Annotated[Digits, says("Liquidity that was added for the router.")]
    removed: Annotated[Digits, says("Liquidity that it removed.")]
    fronted: Annotated[
        Digits,
        says(
            "What it fronted, less the fee. The usual fee of 5 in 10,000 where the recipient got another token; funds "
            "that Aave lent are included."
        ),
    ]
    reimbursed: Annotated[Digits, says("What it got back by reconciliations.")]
    unreconciled: Annotated[Digits, says("What it will get back for transfers that are not reconciled.")]
    unreconciled_transfers: Annotated[Count, says("How many transfers these are.")]
    unreconciled_since: Annotated[
        InstantText | None, says("When the oldest of them was executed; null where there is none.")
    ]
    fills: Annotated[Count, says("Transfers that it fronted, of all that was recorded.")]
    share: Annotated[Share | None, says("Its share of all fast fills in this token; null where there were none.")]
    last_fill: Annotated[InstantText | None, says("The latest of them; null where there is none.")]
    portal_loans: Annotated[
        Count,
        says(
            "Fills on this chain, in any token, for which Aave lent the funds. They took nothing from the balance; "
            "events do not say what was repaid out of it."
        ),
    ]
    check: Annotated[
        BalanceCheckDocument | None,
        says(
            "The latest check against the contract; null if none was made since the monitor started. Only balances "
            "with a `min_liquidity` in the config are checked."
        ),
    ]


class RouterDocument(Document, frozen=True):
    """One router."""

    router: Annotated[AddressText, says("The router's address.")]
    name: Annotated[str | None, says("Its name in the config; null where it has none there.")]
    fills: Annotated[Count, says("Transfers of the window that it fronted, alone or with others.")]
    share: Annotated[Share | None, says("Their share of all that took the fast path; null where none did.")]
    books: Annotated[list[RouterBookDocument], says("By chain and token.")]


class UnknownBalancesDocument(Document, frozen=True, kw_only=True):
    """A chain that was asked what the routers of the config have there, and did not say it."""

    chain: ChainName
    reason: Annotated[str, says("Why it is not known now.")]
    since: Annotated[InstantText, says("Since when that is so.")]


class RouterList(ListDocument[RouterDocument], frozen=True):
    """Routers, by their addresses."""

    unknown_balances: Annotated[
        list[UnknownBalancesDocument], says("The chains whose contract could not be asked for balances just now.")
    ] = field(default_factory=list)


def router_documents(
    books: Sequence[RouterBook], filled: FilledByRouter, labels: ChainLabels, checks: RouterChecks
) -> list[RouterDocument]:
    """The routers of these books, which stand router by router, and what they filled in a window."""
    return [
        RouterDocument(
            to_checksum_address(router),
            checks.names.get(router),
            filled.fills.get(router, 0),
            filled.share(router),
            [book_document(book, labels, checks.of(book.id)) for book in of_router],
        )
        for router, of_router in groupby(books, key=lambda book: book.router)
    ]


def unknown_documents(checks: RouterChecks, labels: ChainLabels) -> list[UnknownBalancesDocument]:
    """The chains that did not say what routers have there."""
    return [
        UnknownBalancesDocument(
            chain=chain_name(domain, labels), reason=unknown.reason, since=unix_rfc3339(int(unknown.since.timestamp()))
        )
        for domain, unknown in sorted(checks.asked.items())
        if unknown is not None
    ]


def book_document(book: RouterBook, labels: ChainLabels, check: BalanceCheck | None) -> RouterBookDocument:
    """One book."""
    token = labels.tokens.of(book.domain, book.asset)
    sums, owed = book.sums, book.owed
    return RouterBookDocument(
        chain=chain_name(book.domain, labels),
        asset=to_checksum_address(book.asset),
        symbol=token.symbol if token else None,
        decimals=token.decimals if token else None,
        balance_from_events=str(sums.balance),
        added=str(sums.added),
        removed=str(sums.removed),
        fronted=str(sums.fronted),
        reimbursed=str(sums.reimbursed),
        unreconciled=str(owed.amount if owed else 0),
        unreconciled_transfers=owed.transfers if owed else 0,
        unreconciled_since=unix_rfc3339(owed.oldest) if owed else None,
        fills=sums.fills,
        share=book.share,
        last_fill=None if book.last_fill is None else unix_rfc3339(book.last_fill),
        portal_loans=book.portal_loans,
        check=None if check is None else _check_document(check),
    )


def _check_document(check: BalanceCheck) -> BalanceCheckDocument:
    return BalanceCheckDocument(
        balance=str(check.balance),
        difference=str(check.difference),
        block_number=check.block.number,
        timestamp=unix_rfc3339(check.block.timestamp),
    )
