"""``events``: what the bridge said besides its transfers."""

from collections.abc import Mapping
from functools import partial

from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import reading_database
from connext_monitor.cli.option_values import option
from connext_monitor.cli.output import print_json, print_table, say
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.bridge_words import bridge_words_on, made_by
from connext_monitor.core.documents.bridge_events import BridgeEventList, bridge_event_document
from connext_monitor.core.formats import hex_text, unix_rfc3339
from connext_monitor.core.labels import KnownTokens, TokenId
from connext_monitor.core.selection import BridgeEventFilter, BridgeEventPage
from connext_monitor.core.token import Token
from connext_monitor.reporting.web.cursors import write_bridge_event_cursor
from connext_monitor.reporting.web.parameters import read_bridge_event_kind, read_chain, read_duration
from connext_monitor.store import bridge_events, tokens
from connext_monitor.store.connection import Connection

_HEADINGS = ("AT", "CHAIN", "KIND", "WHAT", "BY", "TRANSACTION")


def list_events(chain: str | None, kind: str | None, since: str | None, limit: int, *, as_json: bool) -> None:
    """Print events, the newest first."""
    config = load()
    labels = chain_labels(config)
    age = option("--since", since, read_duration)
    which = BridgeEventFilter(
        domain=option("--chain", chain, lambda text: read_chain(text, labels)),
        kind=option("--kind", kind, read_bridge_event_kind),
        since=int(SystemClock().now().timestamp() - age.total_seconds()) if age is not None else None,
    )

    async def read() -> tuple[BridgeEventPage, Mapping[TokenId, Token]]:
        async with reading_database(config) as database:
            return await database.read(partial(_read, which=which, limit=limit))

    page, known_tokens = complete(read())
    labels = chain_labels(config, KnownTokens(known_tokens))
    if as_json:
        cursor = write_bridge_event_cursor(page.next) if page.next else None
        print_json(BridgeEventList([bridge_event_document(record, labels) for record in page.records], cursor))
        return
    rows = [
        (
            unix_rfc3339(record.block.timestamp),
            labels.display_name(record.domain),
            record.event.kind,
            bridge_words_on(record.domain, record.event, labels),
            made_by(record.event) or "-",
            hex_text(record.tx_hash),
        )
        for record in page.records
    ]
    print_table(_HEADINGS, rows)
    if page.next:
        say(f"more than {limit} match; raise --limit to see them")


def _read(
    connection: Connection, *, which: BridgeEventFilter, limit: int
) -> tuple[BridgeEventPage, Mapping[TokenId, Token]]:
    return bridge_events.listed(connection, which, limit=limit), tokens.every(connection)
