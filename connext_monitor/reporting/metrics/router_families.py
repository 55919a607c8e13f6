"""Routers' books, as metrics."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import Metric

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.stored_numbers import RouterNumbers
from connext_monitor.reporting.metrics.families import FROM_DATABASE, gauge

_LABELS = ("router", "name", "chain", "asset")


def router_families(
    books: Sequence[RouterNumbers], names: Mapping[Address, str], chains: ChainNames
) -> Iterator[Metric]:
    """What routers have, are owed and filled, by token; ``names`` are those that the config gives them."""
    shown = [(_labels(book, names, chains), book) for book in books if book.domain in chains]
    yield gauge(
        "router_balance_from_events",
        "What the router has at the bridge as far as the events seen tell, in the token's base units; below 0 where "
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


def _labels(book: RouterNumbers, names: Mapping[Address, str], chains: ChainNames) -> tuple[str, str, str, str]:
    name = names.get(book.router, "")
    return (to_checksum_address(book.router), name, chains[book.domain], to_checksum_address(book.asset))
