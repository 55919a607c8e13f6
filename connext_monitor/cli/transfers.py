"""``transfers``: the list of transfers."""

from collections.abc import Sequence
from functools import partial

from connext_monitor.cli.cells import Row
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import chain_names, reading_database
from connext_monitor.cli.option_values import option
from connext_monitor.cli.options import FilterOptions
from connext_monitor.cli.output import deadline_word, print_json, print_table, say
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.deadline import Leg
from connext_monitor.core.documents.transfers import TransferList, transfer_document
from connext_monitor.core.formats import hex_text, unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.cursors import write_transfer_cursor
from connext_monitor.reporting.web.parameters import read_chain, read_duration, read_statuses
from connext_monitor.store import views


def read_filter(typed: FilterOptions, labels: ChainLabels, now: float) -> TransferFilter:
    """The filter; ``now`` in Unix seconds. Raises a usage error that names the option."""
    age = option("--older-than", typed.older_than, read_duration)
    return TransferFilter(
        statuses=option("--status", typed.status, read_statuses),
        origin=option("--origin", typed.origin, lambda text: read_chain(text, labels)),
        destination=option("--destination", typed.destination, lambda text: read_chain(text, labels)),
        # Exclusive and in whole seconds: a transfer of exactly that age is listed.
        started_before=int(now - age.total_seconds()) + 1 if age is not None else None,
    )


def list_transfers(typed: FilterOptions, limit: int, *, as_json: bool) -> None:
    """Print transfers, the newest first."""
    config = load()
    labels = chain_labels(config)
    now = SystemClock().now().timestamp()
    selection = read_filter(typed, labels, now)

    async def read() -> Sequence[TransferView]:
        async with reading_database(config) as database:
            return await database.read(
                partial(views.listed, names=chain_names(config), filters=selection, limit=limit + 1)
            )

    stored = complete(read())
    page, goes_on = stored[:limit], len(stored) > limit
    if as_json:
        cursor = write_transfer_cursor(page[-1].cursor) if goes_on else None
        print_json(TransferList([transfer_document(view, labels, now) for view in page], cursor))
    else:
        print_table(_HEADINGS, [transfer_row(view, labels, now) for view in page])
        if goes_on:
            say(f"more than {limit} match; raise --limit to see them")


_HEADINGS = ("TRANSFER", "STATUS", "FROM", "TO", "STARTED", "EXECUTE", "RECONCILE")


def transfer_row(view: TransferView, labels: ChainLabels, now: float) -> Row:
    """One transfer's line in a list."""
    transfer = view.transfer
    return (
        hex_text(transfer.transfer_id),
        transfer.status.value,
        labels.display_name(transfer.origin),
        labels.display_name(transfer.destination),
        unix_rfc3339(transfer.started_at),
        *(deadline_word(view.state(leg, now)) for leg in Leg),
    )
