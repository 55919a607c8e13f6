"""``status``: the state of everything, at a glance."""

import sys
from collections.abc import Sequence

import click

from connext_monitor.cli.cells import Columns, Printable, Row
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.output import print_json, print_parts, severity_word, size_words, styled, yes_or_no
from connext_monitor.cli.settings import load, monitor_answers_within
from connext_monitor.cli.status_report import status_report
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config
from connext_monitor.core.documents.chains import ChainDocument, ChainName
from connext_monitor.core.documents.instances import InstanceDocument
from connext_monitor.core.documents.status import BackupDocument, ChannelDocument, StatusDocument
from connext_monitor.core.words import duration_words
from connext_monitor.store.errors import DatabaseError

DEGRADED = 3

_CHAIN_HEADINGS = ("CHAIN", "HEAD", "WATERMARK", "LAG", "OBSERVED", "NONCES COMPLETE", "ENDPOINT")

_INSTANCE_HEADINGS = ("INSTANCE", "WORK", "SINCE", "SILENT FOR", "CLOCK AHEAD", "VERSION")


def watch_status(*, as_json: bool) -> None:
    """Show it on the terminal, refreshed every second, until Ctrl-C."""
    if as_json:
        raise click.UsageError("--watch cannot be combined with --json; run status --json repeatedly instead")
    if not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal; run status repeatedly instead")
    from connext_monitor.cli.live_display import show_again_and_again  # noqa: PLC0415 - loads rich

    config = load()
    within = monitor_answers_within()
    complete(show_again_and_again(lambda: _look(config, within)))


def show_status(*, as_json: bool) -> int:
    """Print it once; the exit code."""
    config = load()
    report = complete(status_report(config, SystemClock().now(), monitor_answers_within()))
    if as_json:
        print_json(report)
    else:
        print_parts([*_parts(report, config), "", *_verdict(report)])
    return DEGRADED if report.degraded else 0


async def _look(config: Config, answers_within: float) -> list[Printable]:
    try:
        report = await status_report(config, SystemClock().now(), answers_within)
    except DatabaseError as error:
        # There may be no database yet; the next look may find one.
        return [styled(str(error), "bold yellow")]
    # A small terminal shows only the beginning: the verdict belongs there.
    return [*_verdict(report), "", *_parts(report, config)]


def _parts(report: StatusDocument, config: Config) -> list[Printable]:
    """What the verdict is about, from top to bottom."""
    parts: list[Printable] = []
    if report.not_live is not None:
        notice = f"{report.not_live}; this is what the database says as of {report.known_at}"
        parts += [styled(notice, "bold yellow"), ""]
    if report.instances:
        parts += [Columns(_INSTANCE_HEADINGS, [_instance_row(instance) for instance in report.instances]), ""]
    parts.append(Columns(_CHAIN_HEADINGS, [_chain_row(chain) for chain in report.chains]))
    in_flight = [
        (_chain_words(count.origin), _chain_words(count.destination), count.status.value, str(count.count))
        for count in report.in_flight
    ]
    parts += _section("Transfers in flight", ("FROM", "TO", "STATUS", "COUNT"), in_flight)
    open_alerts = [
        (severity_word(alerts.severity), alerts.kind, str(alerts.count)) for alerts in report.open_alert_severities
    ]
    parts += _section("Open alerts", ("SEVERITY", "KIND", "COUNT"), open_alerts)
    channels = [_channel_row(row) for row in report.channels]
    parts += _section("Channels", ("CHANNEL", "STATE", "WAITING", "REASON"), channels)
    backups = report.backups
    if config.backup.every is not None or backups.newest is not None:
        kept = [] if backups.newest is None else [_backup_row(backups.newest, backups.count)]
        parts += _section(f"Backups in {backups.directory}", ("NEWEST", "SIZE", "KEPT"), kept)
    if report.malformed_logs:
        rows = [(chain, str(count)) for chain, count in report.malformed_logs.items()]
        parts += _section("Logs that could not be decoded (kept in the database)", ("CHAIN", "COUNT"), rows)
    return parts


def _verdict(report: StatusDocument) -> list[Printable]:
    if report.degraded:
        return [styled("Degraded", "bold red"), Columns((), [(reason,) for reason in report.degraded])]
    return [styled("All is well.", "green")]


def _section(title: str, headings: Sequence[str], rows: Sequence[Row]) -> list[Printable]:
    return ["", styled(title, "bold"), Columns(headings, rows) if rows else "none"]


def _instance_row(instance: InstanceDocument) -> Row:
    return (
        instance.name,
        "owns it" if instance.owns_work else "stands by",
        _or_dash(instance.owns_since),
        duration_words(instance.silent_seconds),
        f"{instance.clock_ahead_seconds:g} s",
        instance.version,
    )


def _chain_row(chain: ChainDocument) -> Row:
    lag = chain.lag_seconds
    return (
        chain.name,
        _or_dash(chain.head),
        _or_dash(chain.watermark),
        "-" if lag is None else duration_words(lag),
        yes_or_no(chain.observed),
        yes_or_no(chain.nonces_contiguous),
        _or_dash(chain.endpoint),
    )


def _channel_row(channel: ChannelDocument) -> Row:
    style = "green" if channel.state == "ok" else "bold red"
    return (channel.provider, styled(channel.state, style), str(channel.waiting), channel.reason or "-")


def _backup_row(newest: BackupDocument, count: int) -> Row:
    return (newest.made_at, size_words(newest.bytes), str(count))


def _chain_words(chain: ChainName) -> str:
    return chain.chain or f"domain {chain.domain_id}"


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
