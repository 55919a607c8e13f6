"""``transfer``: one transfer's timeline."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from connext_monitor.cli.cells import Cell, Row
from connext_monitor.cli.failure import Failure
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import chain_names, reading_database
from connext_monitor.cli.option_values import option
from connext_monitor.cli.output import deadline_word, print_heading, print_json, print_line, print_table, severity_word
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.transfer_facts import detail_rows
from connext_monitor.core.deadline import Leg
from connext_monitor.core.documents.transfers import lookup_document
from connext_monitor.core.events import DomainId
from connext_monitor.core.formats import hex_text, rfc3339, unix_rfc3339
from connext_monitor.core.labels import ChainLabels, ChainNames, KnownTokens, TokenId
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Sighting, Transfer
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.core.words import duration_words
from connext_monitor.reporting.web.parameters import read_hash
from connext_monitor.store import alert_rows, tokens, views
from connext_monitor.store.connection import Connection

TransferAndAlerts = tuple[TransferView, Sequence[Alert]]


def show_transfer(id_or_tx: str, *, as_json: bool) -> None:
    """Print the transfer of this id, or those of the transaction of this hash."""
    config = load()
    id_or_hash = option("ID_OR_TX", id_or_tx, read_hash) or b""

    async def read() -> tuple[list[TransferAndAlerts], Mapping[TokenId, Token]]:
        async with reading_database(config) as database:
            return await database.read(partial(_read, names=chain_names(config), id_or_hash=id_or_hash))

    transfers, known_tokens = complete(read())
    labels = chain_labels(config, KnownTokens(known_tokens))
    if not transfers:
        raise Failure("no transfer has this id, and none has an event in a transaction with this hash")
    now = SystemClock().now().timestamp()
    if as_json:
        print_json(lookup_document([view for view, _ in transfers], labels, now))
        return
    for number, (view, alerts) in enumerate(transfers):
        if number:
            print_line()
        _print(view, alerts, labels, now)


def _read(
    connection: Connection, *, names: ChainNames, id_or_hash: bytes
) -> tuple[list[TransferAndAlerts], Mapping[TokenId, Token]]:
    with_alerts: list[TransferAndAlerts] = [
        (view, alert_rows.of_transfer(connection, view.transfer.transfer_id))
        for view in views.by_id_or_tx(connection, names, id_or_hash)
    ]
    return with_alerts, tokens.every(connection)


def _print(view: TransferView, alerts: Sequence[Alert], labels: ChainLabels, now: float) -> None:
    print_table((), _facts(view.transfer, labels))
    print_line()
    print_heading("Timeline")
    print_table((), timeline(view.transfer, labels))
    print_line()
    print_heading("Deadlines")
    print_table((), deadlines(view, now))
    print_line()
    print_heading("Alerts")
    print_table((), [_alert_row(alert) for alert in alerts] or [("none",)])


def _facts(transfer: Transfer, labels: ChainLabels) -> list[Row]:
    path = f" ({transfer.path.value})" if transfer.path else ""
    return [
        ("Transfer", hex_text(transfer.transfer_id)),
        ("Status", f"{transfer.status.value}{path}"),
        *detail_rows(transfer, labels),
    ]


def timeline(transfer: Transfer, labels: ChainLabels) -> list[Row]:
    """The three events: when, how long after XCalled, and where to look at them."""
    start = transfer.xcalled.block.timestamp if transfer.xcalled else None
    return [
        _event_row("XCalled", transfer.xcalled, transfer.origin, None, labels),
        _event_row("Executed", transfer.executed, transfer.destination, start, labels),
        _event_row("Reconciled", transfer.reconciled, transfer.destination, start, labels),
    ]


def _event_row(name: str, sighting: Sighting | None, domain: DomainId, start: int | None, labels: ChainLabels) -> Row:
    if sighting is None:
        return (name, "not seen", "", "", "")
    at = sighting.block.timestamp
    apart = (
        "" if start is None else f"+{duration_words(at - start)}" if at >= start else f"-{duration_words(start - at)}"
    )
    where = labels.tx_link(domain, sighting.tx_hash) or f"tx {hex_text(sighting.tx_hash)}"
    return (name, unix_rfc3339(at), apart, f"block {sighting.block.number}", where)


def deadlines(view: TransferView, now: float) -> list[Row]:
    """When each leg is due, and the state of its deadline."""
    if view.due is None:
        why = "its XCalled was not seen" if view.transfer.xcalled is None else "its destination is not configured"
        return [(f"none: {why}",)]
    return [_deadline_row(view, leg, now) for leg in Leg]


def _deadline_row(view: TransferView, leg: Leg, now: float) -> Row:
    due_at = view.due.of(leg) if view.due else 0
    distance = f"in {duration_words(due_at - now)}" if now < due_at else f"{duration_words(now - due_at)} ago"
    return (leg.value, f"due {unix_rfc3339(due_at)}", f"({distance})", deadline_word(view.state(leg, now)))


def _alert_row(alert: Alert) -> Sequence[Cell]:
    return (severity_word(alert.severity), alert.kind.name, *_life(alert))


def _life(alert: Alert) -> Iterator[str]:
    yield f"opened {rfc3339(alert.opened_at)}"
    yield f"resolved {rfc3339(alert.resolved_at)} ({alert.resolution})" if alert.resolved_at else "open"
