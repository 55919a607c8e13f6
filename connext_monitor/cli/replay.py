"""``replay``: what would have alerted under other deadlines."""

from collections.abc import Sequence
from math import ceil

from connext_monitor.cli.cells import Row
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import reading
from connext_monitor.cli.option_values import option
from connext_monitor.cli.output import print_heading, print_json, print_line, print_table, say, styled
from connext_monitor.cli.settings import load
from connext_monitor.cli.stats import short_duration
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.pathways import ANY_CHAIN
from connext_monitor.config.rules import pathway_durations
from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.documents.chains import chain_name
from connext_monitor.core.documents.command_line import AlertsAtDeadline, ReplayDocument, ReplayedPathway
from connext_monitor.core.documents.stats import percentiles_document
from connext_monitor.core.events import DomainId
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.stats import Replayed, Window, last
from connext_monitor.core.words import duration_words
from connext_monitor.reporting.web.parameters import BadValueError, read_chain, read_duration

Ends = tuple[DomainId | None, DomainId | None]


def compare_deadlines(
    since: str, execute: Sequence[str], reconcile: Sequence[str], pathways: Sequence[str], *, as_json: bool
) -> None:
    """Print how many alerts these deadlines would have raised, and those of the config."""
    config = load()
    labels = chain_labels(config)
    length = option("--since", since, read_duration)
    window = last(length.total_seconds() if length else 0, SystemClock().now().timestamp())
    chosen = [option("--pathway", text, lambda text: _read_pathway(text, labels)) or (None, None) for text in pathways]
    deadlines = {
        Leg.EXECUTE: _read_deadlines("--execute-deadline", execute),
        Leg.RECONCILE: _read_deadlines("--reconcile-deadline", reconcile),
    }
    legs = [leg for leg in LEGS if deadlines[leg]] or list(LEGS)
    replayed = complete(_judge(config, window, legs, deadlines, chosen))
    if as_json:
        print_json(_document(window, replayed, deadlines, labels))
    else:
        _print(window, replayed, deadlines, labels)


def _read_deadlines(name: str, texts: Sequence[str]) -> list[int]:
    # Block times are whole seconds: a fraction counts as the next one, as it does in the config.
    lengths = [option(name, text, read_duration) for text in texts]
    return sorted({ceil(length.total_seconds()) for length in lengths if length})


def _read_pathway(text: str, labels: ChainLabels) -> Ends:
    origin, colon, destination = text.partition(":")
    if not colon:
        raise BadValueError('write two chains with a colon between them, such as "ethereum:*"')
    return _read_end(origin, labels), _read_end(destination, labels)


def _read_end(text: str, labels: ChainLabels) -> DomainId | None:
    return None if text == ANY_CHAIN else read_chain(text, labels)


async def _judge(
    config: Config, window: Window, legs: Sequence[Leg], deadlines: dict[Leg, list[int]], chosen: Sequence[Ends]
) -> dict[Leg, list[Replayed]]:
    durations = pathway_durations(config)

    def current_deadline(leg: Leg, origin: DomainId, destination: DomainId) -> int | None:
        if chosen and not any(a in {None, origin} and b in {None, destination} for a, b in chosen):
            return None
        current = durations(origin, destination)
        return current.of(leg) if current else None

    async with reading(config) as store:
        judge = store.statistics.replay
        return {
            leg: await judge(window, leg, lambda a, b, leg=leg: current_deadline(leg, a, b), deadlines[leg])  # type: ignore[misc]
            for leg in legs
        }


_ENDS = {Leg.EXECUTE: "Executed", Leg.RECONCILE: "Reconciled"}


def _print(
    window: Window, replayed: dict[Leg, list[Replayed]], deadlines: dict[Leg, list[int]], labels: ChainLabels
) -> None:
    length = duration_words(window.until - window.since)
    print_line(f"Transfers that began in the last {length}, since {unix_rfc3339(window.since)}.")
    for leg, rows in replayed.items():
        print_line()
        print_heading(f"Alerts if {_ENDS[leg]} had been due this long after XCalled")
        if not rows:
            print_line("no transfers")
            continue
        headings = ("FROM", "TO", "TRANSFERS", "P50", "P95", "P99", "TODAY", *map(_heading, deadlines[leg]))
        print_table(headings, [*(_row(pathway, labels) for pathway in rows), *_total(rows)])
    unknown = sum(pathway.unknown for rows in replayed.values() for pathway in rows)
    if unknown:
        legs = "leg" if unknown == 1 else "legs"
        say(
            f"Not judged: {unknown} {legs} of transfers from before the watch, not recorded; "
            "backfill their destinations to know."
        )


def _heading(deadline: int) -> str:
    return f"AT {short_duration(deadline)}"


def _row(pathway: Replayed, labels: ChainLabels) -> Row:
    latency = pathway.latency
    return (
        labels.display_name(pathway.origin),
        labels.display_name(pathway.destination),
        str(pathway.transfers),
        *(short_duration(seconds) for seconds in (latency.p50, latency.p95, latency.p99)),
        f"{pathway.alerts_today} at {short_duration(pathway.today)}",
        *map(str, pathway.alerts),
    )


def _total(rows: Sequence[Replayed]) -> list[Row]:
    if len(rows) < 2:
        return []
    alerts = [sum(of_deadline) for of_deadline in zip(*(pathway.alerts for pathway in rows), strict=True)]
    numbers = (
        sum(pathway.transfers for pathway in rows),
        "",
        "",
        "",
        sum(pathway.alerts_today for pathway in rows),
        *alerts,
    )
    return [[styled(str(cell), "bold") for cell in ("all", "", *numbers)]]


def _document(
    window: Window, replayed: dict[Leg, list[Replayed]], deadlines: dict[Leg, list[int]], labels: ChainLabels
) -> ReplayDocument:
    legs = {
        leg: [_pathway_document(pathway, deadlines[leg], labels) for pathway in rows] for leg, rows in replayed.items()
    }
    return ReplayDocument(unix_rfc3339(window.since), unix_rfc3339(window.until), legs)


def _pathway_document(pathway: Replayed, deadlines: Sequence[int], labels: ChainLabels) -> ReplayedPathway:
    return ReplayedPathway(
        origin=chain_name(pathway.origin, labels),
        destination=chain_name(pathway.destination, labels),
        transfers=pathway.transfers,
        arrived=pathway.latency.count,
        not_judged=pathway.unknown,
        latency_seconds=percentiles_document(pathway.latency),
        today=AlertsAtDeadline(pathway.today, pathway.alerts_today),
        deadlines=[AlertsAtDeadline(*pair) for pair in zip(deadlines, pathway.alerts, strict=True)],
    )
