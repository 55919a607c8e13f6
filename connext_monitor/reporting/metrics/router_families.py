"""Routers' books, and what the contract said that routers have, as metrics."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import Metric

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.router_books import BookId
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.core.stored_numbers import RouterNumbers
from connext_monitor.reporting.metrics.families import FROM_DATABASE, gauge

_LABELS = ("router", "name", "chain", "asset")


def book_families(books: Sequence[RouterNumbers], names: Mapping[Address, str], chains: ChainNames) -> Iterator[Metric]:
    """What routers have, are owed and filled, by token; ``names`` are those that the config gives them."""
    shown = [
        (_labels((book.router, book.domain, book.asset), names, chains), book)
        for book in books
        if book.domain in chains
    ]
    yield gauge(
        "router_balance_from_events",
        "The router's balance at the bridge according to the events seen, in the token's base units; below 0 where "
        f"funds were added before the first of them. {FROM_DATABASE}",
        _LABELS,
        [(labels, book.balance) for labels, book in shown],
    )
    yield gauge(
        "router_unreconciled",
        "What the router will get back for transfers that it fronted and that are not reconciled, in the token's base "
        f"units. {FROM_DATABASE}",
        _LABELS,
        [(labels, book.unreconciled) for labels, book in shown],
    )
    yield gauge(
        "router_fills",
        f"Transfers that the router fronted, of all that was recorded; a reorg takes some back. {FROM_DATABASE}",
        _LABELS,
        [(labels, book.fills) for labels, book in shown],
    )
    yield gauge(
        "router_last_fill_timestamp_seconds",
        f"The block time of the latest of them, as a Unix time; absent while there is none. {FROM_DATABASE}",
        _LABELS,
        [(labels, book.last_fill) for labels, book in shown if book.last_fill is not None],
    )


def check_families(checks: RouterChecks, chains: ChainNames) -> Iterator[Metric]:
    """What the bridge's contract said that routers have, by token, since the program started."""
    shown = [
        (_labels(book, checks.names, chains), check)
        for book in sorted(checks.checked)
        if book[1] in chains and (check := checks.of(book)) is not None
    ]
    yield gauge(
        "router_balance_in_contract",
        "What routerBalances said at the latest covered block that it was asked about, in the token's base units; "
        "asked only of routers with a min_liquidity, and absent until the first answer since the start.",
        _LABELS,
        [(labels, check.balance) for labels, check in shown],
    )
    yield gauge(
        "router_balance_difference",
        "By how much that exceeded what the events up to the same block add up to, in the token's base units; 0 if "
        "they agree.",
        _LABELS,
        [(labels, check.difference) for labels, check in shown],
    )
    yield gauge(
        "router_balance_checked_timestamp_seconds",
        "When that block was made, as a Unix time.",
        _LABELS,
        [(labels, check.block.timestamp) for labels, check in shown],
    )
    yield gauge(
        "router_balances_known",
        "1 if the chain's contract, when it was last asked, said what routers with a min_liquidity have, else 0.",
        ("chain",),
        [((chains[domain],), int(unknown is None)) for domain, unknown in checks.asked.items() if domain in chains],
    )


def _labels(book: BookId, names: Mapping[Address, str], chains: ChainNames) -> tuple[str, str, str, str]:
    router, domain, asset = book
    return (to_checksum_address(router), names.get(router, ""), chains[domain], to_checksum_address(asset))
