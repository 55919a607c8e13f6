"""``export``: everything of a kind as a stream, for other programs."""

import csv
import sys
from collections.abc import AsyncIterator

from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import reading
from connext_monitor.cli.options import FilterOptions
from connext_monitor.cli.settings import load
from connext_monitor.cli.transfers import read_filter
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.documents.fields import encode
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.labels import KnownTokens
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.transfer_columns import COLUMNS, transfer_cells
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.process import standard_streams
from connext_monitor.process.standard_streams import OutputLost
from connext_monitor.reporting.web.parameters import LARGEST_LIMIT
from connext_monitor.store.store import Store


def write_transfers(typed: FilterOptions, *, as_csv: bool) -> None:
    """Write transfers to stdout, the newest first, as csv or as JSON by line."""
    config = load()
    now = SystemClock().now().timestamp()
    try:
        complete(_write(config, read_filter(typed, chain_labels(config), now), now, as_csv=as_csv))
        sys.stdout.flush()
    except OutputLost as error:
        if not error.reader_left:
            raise
        # The reader has read enough.
        standard_streams.give_stdout_up()


async def _write(config: Config, selection: TransferFilter, now: float, *, as_csv: bool) -> None:
    async with reading(config) as store:
        labels = chain_labels(config, KnownTokens(await store.tokens.every()))
        rows = csv.writer(sys.stdout, lineterminator="\n")
        if as_csv:
            rows.writerow(COLUMNS)
        async for view in _every(store, selection):
            if as_csv:
                rows.writerow(transfer_cells(view, labels, now))
            else:
                sys.stdout.write(f"{encode(transfer_document(view, labels, now))}\n")


async def _every(store: Store, selection: TransferFilter) -> AsyncIterator[TransferView]:
    """All of them, a page at a time: no long read holds up the monitor's housekeeping of its file."""
    after = None
    while page := await store.transfers.listed(selection, limit=LARGEST_LIMIT, after=after):
        for view in page:
            yield view
        after = page[-1].cursor
