"""``status``: how everything is, at a look."""

from collections.abc import Sequence

import click

from connext_monitor.cli.output import (
    Row,
    json_option,
    print_heading,
    print_json,
    print_line,
    print_table,
    size_words,
    styled,
    yes_or_no,
)
from connext_monitor.cli.settings import complete, config_option, load
from connext_monitor.cli.status_report import StatusReport, report_document, status_report
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config
from connext_monitor.core.documents import Json, rfc3339
from connext_monitor.core.message import duration_words
from connext_monitor.labels import chain_labels
from connext_monitor.store.deliveries import ChannelRow

DEGRADED = 3

_CHAIN_HEADINGS = ("CHAIN", "HEAD", "WATERMARK", "LAG", "OBSERVED", "NONCES WHOLE", "ENDPOINT")


@click.command()
@config_option()
@json_option
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show chains, transfers in flight, open alerts and channels; exit with 3 when something is degraded."""
    config = load()
    report = complete(status_report(config, SystemClock().now()))
    if as_json:
        print_json(report_document(report, config))
    else:
        _print(report, config)
    context.exit(DEGRADED if report.degraded else 0)


def _print(report: StatusReport, config: Config) -> None:
    if report.not_live is not None:
        words = f"{report.not_live}; this is what the database knew at {rfc3339(report.known_at)}"
        print_line(styled(words, "bold yellow"))
        print_line()
    print_table(_CHAIN_HEADINGS, [_chain_row(chain) for chain in report.chains])
    _print_in_flight(report, config)
    _part("Open alerts", ("KIND", "COUNT"), [(kind.value, str(count)) for kind, count in report.open_alerts.items()])
    _part("Channels", ("CHANNEL", "STATE", "WAITING", "REASON"), [_channel_row(row) for row in report.channels])
    _print_backups(report, config)
    _print_malformed(report, config)
    print_line()
    if report.degraded:
        print_line(styled("Degraded", "bold red"))
        print_table((), [(reason,) for reason in report.degraded])
    else:
        print_line(styled("All is well.", "green"))


def _print_backups(report: StatusReport, config: Config) -> None:
    if config.backup.every is not None or report.backups:
        newest = report.backups[-1:]
        rows = [(rfc3339(kept.made_at), size_words(kept.size), str(len(report.backups))) for kept in newest]
        _part(f"Backups in {config.backup.directory}", ("NEWEST", "SIZE", "KEPT"), rows)


def _print_malformed(report: StatusReport, config: Config) -> None:
    if report.malformed:
        labels = chain_labels(config)
        rows = [(labels.spoken(domain), str(count)) for domain, count in report.malformed.items()]
        _part("Logs that could not be read; they are kept in the database", ("CHAIN", "COUNT"), rows)


def _print_in_flight(report: StatusReport, config: Config) -> None:
    labels = chain_labels(config)
    rows = [
        (labels.spoken(count.origin), labels.spoken(count.destination), count.status.value, str(count.count))
        for count in report.in_flight
    ]
    _part("Transfers in flight", ("FROM", "TO", "STATUS", "COUNT"), rows)


def _part(title: str, headings: Row, rows: Sequence[Row]) -> None:
    print_line()
    print_heading(title)
    if rows:
        print_table([str(heading) for heading in headings], rows)
    else:
        print_line("none")


def _chain_row(chain: Json) -> Row:
    lag, whole = chain["lag_seconds"], chain["nonces_contiguous"]
    return (
        str(chain["name"]),
        _or_dash(chain["head"]),
        _or_dash(chain["watermark"]),
        duration_words(lag) if isinstance(lag, int) else "-",
        yes_or_no(bool(chain["observed"])),
        yes_or_no(whole if isinstance(whole, bool) else None),
        _or_dash(chain["endpoint"]),
    )


def _channel_row(channel: ChannelRow) -> Row:
    style = "green" if channel.state == "ok" else "bold red"
    return (channel.provider, styled(channel.state, style), str(channel.waiting), channel.reason or "-")


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
