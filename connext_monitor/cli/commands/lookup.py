"""``status``, ``transfers``, ``transfer``, ``events``, ``stats``, ``replay`` and ``export``: what the monitor knows."""

from collections.abc import Sequence

import click

from connext_monitor.cli.options import FilterOptions, config_option, filter_options, json_option, limit_option

CSV, NDJSON = "csv", "ndjson"


@click.command()
@config_option()
@click.option("--watch", is_flag=True, help="Refresh it every second, until Ctrl-C.")
@json_option
@click.pass_context
def status(context: click.Context, *, watch: bool, as_json: bool) -> None:
    """Show chains, transfers in flight, open alerts and channels; exit with 3 when something is degraded."""
    from connext_monitor.cli.status import show_status, watch_status

    if watch:
        watch_status(as_json=as_json)
    else:
        context.exit(show_status(as_json=as_json))


@click.command()
@config_option()
@filter_options
@limit_option
@json_option
def transfers(typed: FilterOptions, limit: int, *, as_json: bool) -> None:
    """List transfers, the newest first."""
    from connext_monitor.cli.transfers import list_transfers

    list_transfers(typed, limit, as_json=as_json)


@click.command()
@config_option()
@click.argument("id_or_tx", metavar="ID_OR_TX")
@json_option
def transfer(id_or_tx: str, *, as_json: bool) -> None:
    """Show one transfer by its id, or those of a transaction by its hash."""
    from connext_monitor.cli.transfer import show_transfer

    show_transfer(id_or_tx, as_json=as_json)


@click.command()
@config_option()
@click.option("--chain", metavar="CHAIN", help="Only of this chain: its name or its domain id.")
@click.option("--kind", metavar="NAME", help="Only these, by their name in the contracts, such as DiamondCut.")
@click.option("--since", metavar="DURATION", help="Only within this time, such as P7D.")
@limit_option
@json_option
def events(chain: str | None, kind: str | None, since: str | None, limit: int, *, as_json: bool) -> None:
    """List what the bridge said besides its transfers: pauses, changed code and roles, liquidity; the newest first."""
    from connext_monitor.cli.events import list_events

    list_events(chain, kind, since, limit, as_json=as_json)


@click.command()
@config_option()
@click.option("--since", metavar="DURATION", help="Only transfers begun within this time.  [default: P1D]")
@click.option("--origin", metavar="CHAIN", help="Only from this chain: its name or its domain id.")
@click.option("--destination", metavar="CHAIN", help="Only to this chain: its name or its domain id.")
@json_option
def stats(since: str | None, origin: str | None, destination: str | None, *, as_json: bool) -> None:
    """Show counts and latency percentiles by pathway and router.

    A latency is the time from XCalled's block to the leg's. Percentiles cover the legs that have arrived.
    """
    from connext_monitor.cli.stats import show_stats

    show_stats(since, origin, destination, as_json=as_json)


@click.command()
@config_option()
@click.option(
    "--since", metavar="DURATION", default="P7D", show_default=True, help="Judge transfers begun within this time."
)
@click.option(
    "--execute-deadline", "execute", metavar="DURATION", multiple=True, help="Such as PT10M; several are compared."
)
@click.option(
    "--reconcile-deadline", "reconcile", metavar="DURATION", multiple=True, help="Such as PT4H; several are compared."
)
@click.option(
    "--pathway",
    "pathways",
    metavar="ORIGIN:DEST",
    multiple=True,
    help='Only these: chains by name or domain id, "*" for all; may be given several times.',
)
@json_option
def replay(
    since: str, execute: Sequence[str], reconcile: Sequence[str], pathways: Sequence[str], *, as_json: bool
) -> None:
    """Count the alerts that other deadlines would have raised on the stored history, beside those of the config.

    The percentiles of what the legs took help to choose a deadline. A leg that came in the first block past its
    deadline is counted, though a running monitor sees it in time. Nothing is changed, and nobody is alerted.
    """
    from connext_monitor.cli.replay import compare_deadlines

    compare_deadlines(since, execute, reconcile, pathways, as_json=as_json)


@click.group()
def export() -> None:
    """Write everything of a kind to stdout, for other programs."""


@export.command("transfers")
@config_option()
@click.option(
    "--format", "form", type=click.Choice([CSV, NDJSON]), default=NDJSON, show_default=True, help="How to write it."
)
@filter_options
@json_option
def export_transfers(form: str, typed: FilterOptions, *, as_json: bool) -> None:
    """Write transfers to stdout, the newest first, each as it is when its turn comes.

    ndjson has the API's transfer object on each line; csv has the same in flat columns, with a header line.
    """
    if as_json and form == CSV:
        raise click.UsageError("--json and --format csv cannot be combined")
    from connext_monitor.cli.export import write_transfers

    write_transfers(typed, as_csv=form == CSV)
