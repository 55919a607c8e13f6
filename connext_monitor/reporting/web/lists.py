"""Parts of lists as they are read from the store, with the cursor where each goes on."""

from collections.abc import Sequence

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.documents.alerts import AlertList, alert_in_words
from connext_monitor.core.documents.chains import ChainList, chain_document
from connext_monitor.core.documents.router_books import RouterList, router_documents, unknown_documents
from connext_monitor.core.documents.stats import StatsDocument, stats_document
from connext_monitor.core.events import Address
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.core.stats import Window
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.cursors import write_alert_cursor, write_router_cursor
from connext_monitor.reporting.web.read_store import ReadStatistics, ReadStore


async def transfers_page(
    store: ReadStore, which: TransferFilter, *, limit: int, after: Cursor | None
) -> tuple[Sequence[TransferView], Cursor | None]:
    """At most ``limit`` transfers, newest first, and where the list goes on behind them."""
    views = await store.transfers.listed(which, limit=limit + 1, after=after)
    page = views[:limit]
    return page, page[-1].cursor if len(views) > limit else None


async def transfers_with(
    store: ReadStore, address: Address, which: TransferFilter, *, limit: int, after: Cursor | None
) -> tuple[Sequence[TransferView], Cursor | None]:
    """The same of those that the address has a part in; the list may go on behind fewer than ``limit``."""
    page = await store.transfers.of_address(address, which, limit=limit, after=after)
    views = await store.transfers.shown(page.ids)
    return [views[transfer_id] for transfer_id in page.ids if transfer_id in views], page.next


async def alerts_list(
    store: ReadStore, state: AlertState | None, labels: ChainLabels, *, limit: int, after: int | None
) -> AlertList:
    """At most ``limit`` alerts, newest first."""
    rows = await store.alerts.listed(state, limit=limit + 1, after=after)
    page = rows[:limit]
    more = write_alert_cursor(page[-1][0].row) if len(rows) > limit else None
    return AlertList([alert_in_words(row.alert, view.transfer if view else None, labels) for row, view in page], more)


async def chains_list(store: ReadStore, statuses: Sequence[ChainStatus], now: float) -> ChainList:
    """All chains, in the order of the config; ``now`` in Unix seconds."""
    return ChainList(
        [chain_document(status, await store.chains.nonces(status.domain), now) for status in statuses], None
    )


async def stats(
    statistics: ReadStatistics, window: Window, labels: ChainLabels, *, width: int | None = None
) -> StatsDocument:
    """The numbers of a window; its timeline has parts of ``width`` seconds, else as wide as shows it well."""
    numbers = await statistics.over(window, width)
    return stats_document(numbers.stats, numbers.timeline, labels)


async def routers_list(
    store: ReadStore, window: Window, labels: ChainLabels, checks: RouterChecks, *, limit: int, after: Address | None
) -> RouterList:
    """The books of at most ``limit`` routers, with what they filled in the window."""
    page = await store.bridge.router_books(limit=limit, after=after, also=checks.checked)
    filled = await store.statistics.router_fills(window)
    more = write_router_cursor(page.next) if page.next else None
    return RouterList(router_documents(page.books, filled, labels, checks), more, unknown_documents(checks, labels))
