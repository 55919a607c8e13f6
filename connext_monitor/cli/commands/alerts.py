"""``alerts``: open and past alerts, and silences."""

import click

from connext_monitor.cli.options import LateChoice, config_option, json_option, limit_option

_ALL = "all"


def _states() -> list[str]:
    from connext_monitor.core.alerts.alert import AlertState

    return [*(state.value for state in AlertState), _ALL]


def _kinds() -> list[str]:
    from connext_monitor.core.alerts.table import KINDS

    return list(KINDS)


@click.group(invoke_without_command=True)
@config_option()
@click.option("--state", type=LateChoice(_states), default=_ALL, show_default=True, help="Only those in this state.")
@limit_option
@json_option
@click.pass_context
def alerts(context: click.Context, state: str, limit: int, *, as_json: bool) -> None:
    """List open and past alerts, the newest first; or silence some of them."""
    if context.invoked_subcommand is None:
        from connext_monitor.cli.alerts import list_alerts

        list_alerts(None if state == _ALL else state, limit, as_json=as_json)


_for = click.option("--for", "lasting", metavar="DURATION", required=True, help="ISO 8601: PT2H, P1D.")
_reason = click.option("--reason", default="", metavar="TEXT", help="Why; shown with it.")


@alerts.command()
@config_option()
@_for
@click.option("--kind", type=LateChoice(_kinds), help="Only alerts of this kind.")
@click.option("--origin", metavar="CHAIN", help="Only those about transfers from this chain.")
@click.option("--destination", metavar="CHAIN", help="Only those about transfers to this chain.")
@click.option("--subject", metavar="NAME", help="Only those about this transfer id, chain or provider.")
@_reason
@json_option
def silence(
    lasting: str,
    kind: str | None,
    origin: str | None,
    destination: str | None,
    subject: str | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Do not notify anyone about some alerts for a while; those still open at the end are sent then."""
    from connext_monitor.cli.silences import make_silence

    make_silence(lasting, kind, origin, destination, subject, reason, as_json=as_json)


@alerts.command()
@config_option()
@click.argument("alert_id", metavar="ALERT_ID")
@_for
@_reason
@json_option
def ack(alert_id: str, lasting: str, reason: str, *, as_json: bool) -> None:
    """Say that somebody is dealing with an open alert. It is sent again if it is still open at the end."""
    from connext_monitor.cli.silences import acknowledge

    acknowledge(alert_id, lasting, reason, as_json=as_json)


@alerts.command()
@config_option()
@json_option
def silences(*, as_json: bool) -> None:
    """List what is silenced now."""
    from connext_monitor.cli.silences import list_silences

    list_silences(as_json=as_json)


@alerts.command()
@config_option()
@click.argument("silence_id", metavar="ID", type=click.IntRange(1))
def unsilence(silence_id: int) -> None:
    """End a silence, or an ack, now."""
    from connext_monitor.cli.silences import end_silence

    end_silence(silence_id)
