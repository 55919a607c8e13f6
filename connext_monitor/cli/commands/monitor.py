"""``run``, ``check-config`` and ``test-alert``: the monitor, and what checks its setup."""

import click

from connext_monitor.cli.options import config_option, json_option


@click.command()
@config_option()
@click.pass_context
def run(context: click.Context) -> None:
    """Monitor in the foreground until SIGINT or SIGTERM (the default)."""
    from connext_monitor.cli.run import run_monitor

    context.exit(run_monitor())


@click.command("check-config")
@config_option()
@click.option("--online", is_flag=True, help="Also query every endpoint, and every channel that allows it.")
@json_option
def check_config(*, online: bool, as_json: bool) -> None:
    """Validate the config, and show what would be watched."""
    from connext_monitor.cli.check_config import check

    check(online=online, as_json=as_json)


@click.command("test-alert")
@config_option()
@click.option("--provider", metavar="NAME", help="Only through this one, by its name in the config.")
@json_option
def test_alert(provider: str | None, *, as_json: bool) -> None:
    """Send a message marked DRILL through the alert providers, and show what they answered."""
    from connext_monitor.cli.test_alert import send_drills

    send_drills(provider, as_json=as_json)
