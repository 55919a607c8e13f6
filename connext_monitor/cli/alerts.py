"""``alerts``: the open and past alerts."""

from functools import partial

from connext_monitor.cli.cells import Row
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import chain_names, reading_database
from connext_monitor.cli.output import print_json, print_table, say, severity_word, styled
from connext_monitor.cli.settings import load
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.alerts.alert import AlertState, compose
from connext_monitor.core.documents.alerts import AlertDocument, AlertList, alert_in_words
from connext_monitor.core.formats import rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.selection import AlertRow
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.reporting.web.cursors import write_alert_cursor
from connext_monitor.store import views

_HEADINGS = ("OPENED", "SEVERITY", "STATE", "WHAT", "SUBJECT")


def list_alerts(state: str | None, limit: int, *, as_json: bool) -> None:
    """Print alerts, the newest first: all, or those in this state."""
    config = load()
    labels = chain_labels(config)

    async def read() -> list[tuple[AlertRow, TransferView | None]]:
        in_state = AlertState(state) if state else None
        async with reading_database(config) as database:
            return await database.read(
                partial(views.listed_alerts, names=chain_names(config), state=in_state, limit=limit + 1)
            )

    all_rows = complete(read())
    rows, more = all_rows[:limit], len(all_rows) > limit
    if as_json:
        cursor = write_alert_cursor(rows[-1][0].row) if more else None
        print_json(AlertList([_document(row, transfer, labels) for row, transfer in rows], cursor))
    else:
        print_table(_HEADINGS, [alert_row(row, transfer, labels) for row, transfer in rows])
        if more:
            say(f"more than {limit} match; raise --limit to see them")


def _document(row: AlertRow, view: TransferView | None, labels: ChainLabels) -> AlertDocument:
    return alert_in_words(row.alert, view.transfer if view else None, labels)


def alert_row(row: AlertRow, view: TransferView | None, labels: ChainLabels) -> Row:
    """One alert's line in a list."""
    alert = row.alert
    message = compose(alert, view.transfer if view else None, labels)
    open_words = alert.state.value if alert.inhibited_by is None else f"open (because of {alert.inhibited_by})"
    state = f"resolved {rfc3339(alert.resolved_at)} ({alert.resolution})" if alert.resolved_at else open_words
    return (
        rfc3339(alert.opened_at),
        severity_word(alert.severity),
        styled(state, "bold" if alert.state is AlertState.OPEN else "dim"),
        message.title,
        alert.subject,
    )
