"""``export``: everything of a kind as a stream, for other programs."""

import csv
import sys
from collections.abc import AsyncIterator

import click

from connext_monitor.cli.output import json_option
from connext_monitor.cli.settings import complete, config_option, load, reading
from connext_monitor.cli.transfers import FilterOptions, filter_options
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.documents.fields import encode
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.transfer_columns import COLUMNS, transfer_cells
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.process import standard_streams
from connext_monitor.process.standard_streams import OutputLost
from connext_monitor.reporting.web.parameters import LARGEST_LIMIT
from connext_monitor.store.store import Store

_CSV, _NDJSON = "csv", "ndjson"


@click.group()
def export() -> None:
    """Write everything of a kind to stdout, for other programs."""


@export.command("transfers")
@config_option()
@click.option(
    "--format", "form", type=click.Choice([_CSV, _NDJSON]), default=_NDJSON, show_default=True, help="How to write it."
)
@filter_options
@json_option
def export_transfers(form: str, wanted: FilterOptions, *, as_json: bool) -> None:
    """Write transfers to stdout, the newest first, each as it is when its turn comes.

    ndjson is the API's object of a transfer on each line; csv the same in flat columns, below their names.
    """
    if as_json and form == _CSV:
        raise click.UsageError("--json and --format csv exclude each other")
    config = load()
    labels = chain_labels(config)
    now = SystemClock().now().timestamp()
    try:
        complete(_write(config, wanted.read(labels, now), labels, now, form))
        sys.stdout.flush()
    except OutputLost as error:
        if not error.reader_left:
            raise
        # Whoever reads has read enough.
        standard_streams.give_stdout_up()


async def _write(config: Config, wanted: TransferFilter, labels: ChainLabels, now: float, form: str) -> None:
    async with reading(config) as store:
        labels.tokens.update(await store.tokens())
        rows = csv.writer(sys.stdout, lineterminator="\n")
        if form == _CSV:
            rows.writerow(COLUMNS)
        async for view in _every(store, wanted):
            if form == _CSV:
                rows.writerow(transfer_cells(view, labels, now))
            else:
                sys.stdout.write(f"{encode(transfer_document(view, labels, now))}\n")


async def _every(store: Store, wanted: TransferFilter) -> AsyncIterator[TransferView]:
    """All of them, a page at a time: no long read holds up the monitor's housekeeping of its file."""
    after = None
    while page := await store.transfers(wanted, limit=LARGEST_LIMIT, after=after):
        for view in page:
            yield view
        after = page[-1].cursor
