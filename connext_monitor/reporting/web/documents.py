"""The API's bodies: lists and single objects as the contract has them; ``--json`` prints the same."""

import json
from collections.abc import Sequence

from connext_monitor.core.alert import AlertState
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.documents import alert_document, chain_document, transfer_document
from connext_monitor.core.events import Address
from connext_monitor.core.formats import Json
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.message import compose
from connext_monitor.core.selection import AlertRow, Cursor, TransferFilter
from connext_monitor.core.stats import Window, usual_width
from connext_monitor.core.stats_documents import stats_document
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.cursors import write_alert_cursor, write_transfer_cursor
from connext_monitor.reporting.web.read_store import Reads, ReadStatistics, ReadStore

# Readers that keep numbers as doubles, JavaScript among them, lose digits beyond it.
_LARGEST_EXACT = 2**53


def encode(document: object, *, indent: int | None = None) -> str:
    """JSON in ASCII, no control character in it; whole numbers from 2^53 on become strings."""
    return json.dumps(_exact(document), ensure_ascii=True, allow_nan=False, indent=indent)


def listed(items: Sequence[Json], next_cursor: str | None = None) -> Json:
    """A list as the contract has it."""
    return {"items": list(items), "next_cursor": next_cursor}


async def transfers_list(
    store: ReadStore, wanted: TransferFilter, labels: ChainLabels, now: float, *, limit: int, after: Cursor | None
) -> Json:
    """One page of transfers, newest first; ``now`` in Unix seconds."""
    views, more = await transfers_page(store, wanted, limit=limit, after=after)
    return listed(
        [transfer_document(view, labels, now) for view in views], write_transfer_cursor(more) if more else None
    )


async def transfers_page(
    store: ReadStore, wanted: TransferFilter, *, limit: int, after: Cursor | None
) -> tuple[Sequence[TransferView], Cursor | None]:
    """At most ``limit`` transfers, newest first, and where the list goes on behind them."""
    views = await store.transfers(wanted, limit=limit + 1, after=after)
    page = views[:limit]
    return page, place(page[-1]) if len(views) > limit else None


async def transfers_with(
    reads: Reads, address: Address, wanted: TransferFilter, *, limit: int, after: Cursor | None
) -> tuple[Sequence[TransferView], Cursor | None]:
    """The same of those that the address has a part in; the list may go on behind fewer than ``limit``."""
    found = await reads.search.page(address, wanted, limit=limit, after=after)
    views = {view.transfer.transfer_id: view for view in await reads.store.transfers_of(found.ids)}
    return [views[transfer_id] for transfer_id in found.ids if transfer_id in views], found.next


def transfers_document(views: Sequence[TransferView], labels: ChainLabels, now: float) -> Json:
    """What an id or a transaction hash led to: the transfer itself; a list where one transaction holds several."""
    items = [transfer_document(view, labels, now) for view in views]
    return items[0] if len(items) == 1 else listed(items)


async def alerts_list(
    store: ReadStore, state: AlertState | None, labels: ChainLabels, *, limit: int, after: int | None
) -> Json:
    """One page of alerts, newest first."""
    rows = await store.alerts(state, limit=limit + 1, after=after)
    page = rows[:limit]
    more = write_alert_cursor(page[-1][0].row) if len(rows) > limit else None
    return listed([alert_with_words(row, about, labels) for row, about in page], more)


def alert_with_words(row: AlertRow, about: TransferView | None, labels: ChainLabels) -> Json:
    """One alert; its words are made of the transfer as it is now."""
    return alert_document(row.alert, compose(row.alert, about.transfer if about else None, labels))


async def chains_list(store: ReadStore, sights: Sequence[ChainStatus], now: float) -> Json:
    """All chains, in the order of the config."""
    return listed([chain_document(sight, await store.nonces(sight.domain), now) for sight in sights])


async def stats(statistics: ReadStatistics, window: Window, labels: ChainLabels, *, width: int | None = None) -> Json:
    """The numbers of a window; its timeline has parts of ``width`` seconds, else as wide as shows it well."""
    numbers = await statistics.over(window)
    return stats_document(numbers, await statistics.timeline(window, width or usual_width(window)), labels)


def place(view: TransferView) -> Cursor:
    """Where the list of transfers goes on behind this one."""
    return (view.transfer.started_at, view.transfer.transfer_id)


def _exact(value: object) -> object:
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not -_LARGEST_EXACT < value < _LARGEST_EXACT:
        return str(value)
    return value
