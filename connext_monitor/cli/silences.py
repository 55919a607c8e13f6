"""``alerts silence``, ``ack``, ``silences`` and ``unsilence``: what is not to be told for a while."""

from datetime import timedelta

import click

from connext_monitor.cli.failure import Failure
from connext_monitor.cli.output import Row, json_option, print_json, print_table, say
from connext_monitor.cli.settings import complete, config_option, load, reading, writing
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config, parse_duration
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.documents.fields import ListDocument
from connext_monitor.core.formats import Json, rfc3339

_HEADINGS = ("ID", "UNTIL", "WHAT", "REASON")


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError:
            self.fail("write an ISO 8601 duration, such as PT30M, PT2H or P1D", param, ctx)


_for = click.option(
    "--for", "lasting", metavar="DURATION", type=_Duration(), required=True, help="ISO 8601: PT2H, P1D."
)
_reason = click.option("--reason", default="", metavar="TEXT", help="Why; shown with it.")


@click.command()
@config_option()
@_for
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only alerts of this kind.")
@click.option("--origin", metavar="CHAIN", help="Only those about transfers from this chain.")
@click.option("--destination", metavar="CHAIN", help="Only those about transfers to this chain.")
@click.option("--subject", metavar="NAME", help="Only those about this transfer id, chain or provider.")
@_reason
@json_option
def silence(
    lasting: timedelta,
    kind: str | None,
    origin: str | None,
    destination: str | None,
    subject: str | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Tell nobody of some alerts for a while. They are recorded; what still stands at the end is told then."""
    config = load()
    for option, name in (("--origin", origin), ("--destination", destination)):
        _check_chain(config, option, name)
    until = SystemClock().now() + lasting
    wanted = Silence(0, until, KINDS[kind] if kind else None, origin, destination, subject, reason)
    _print(_store(config, wanted), as_json=as_json)


@click.command()
@config_option()
@click.argument("alert_id", metavar="ALERT_ID")
@_for
@_reason
@json_option
def ack(alert_id: str, lasting: timedelta, reason: str, *, as_json: bool) -> None:
    """Say that somebody sees to an open alert. It is told again if it is still open at the end."""
    config = load()

    async def is_open() -> bool:
        async with reading(config) as store:
            return alert_id in {alert.id for alert in await store.every_open_alert()}

    if not complete(is_open()):
        raise Failure("no alert of this id is open; connext-monitor alerts --state open --json lists their ids")
    wanted = Silence(0, SystemClock().now() + lasting, subject=alert_id, reason=reason, ack=True)
    _print(_store(config, wanted), as_json=as_json)


@click.command()
@config_option()
@json_option
def silences(*, as_json: bool) -> None:
    """List what is silenced now."""
    config = load()

    async def read() -> list[Silence]:
        async with reading(config) as store:
            return await store.silences()

    found = complete(read())
    if as_json:
        print_json(ListDocument([_document(one) for one in found], None))
    else:
        print_table(_HEADINGS, [_row(one) for one in found])


@click.command()
@config_option()
@click.argument("silence_id", metavar="ID", type=click.IntRange(1))
def unsilence(silence_id: int) -> None:
    """End a silence, or an ack, now."""
    config = load()

    async def cut() -> bool:
        async with writing(config) as store:
            return await store.cut_silence_short(silence_id, SystemClock().now())

    if not complete(cut()):
        raise Failure("there is no such silence; connext-monitor alerts silences lists them")
    say(f"silence {silence_id} has ended")


def _check_chain(config: Config, option: str, name: str | None) -> None:
    known = sorted({label.name for label in chain_labels(config).by_domain.values()})
    if name is not None and name not in known:
        raise click.BadParameter(f"write one of {', '.join(known)}", param_hint=option)


def _store(config: Config, wanted: Silence) -> Silence:
    async def make() -> Silence:
        async with writing(config) as store:
            return await store.make_silence(wanted, SystemClock().now())

    return complete(make())


def _print(made: Silence, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(made))
    else:
        say(f"silence {made.id} until {rfc3339(made.until)}: {_what(made)}")


def _what(silence: Silence) -> str:
    parts = [
        f"acknowledged {silence.subject}" if silence.ack else "",
        silence.kind.name if silence.kind else "",
        f"from {silence.origin}" if silence.origin else "",
        f"to {silence.destination}" if silence.destination else "",
        f"about {silence.subject}" if silence.subject and not silence.ack else "",
    ]
    return " ".join(part for part in parts if part) or "all alerts"


def _row(silence: Silence) -> Row:
    return (str(silence.id), rfc3339(silence.until), _what(silence), silence.reason)


def _document(silence: Silence) -> Json:
    return {
        "id": silence.id,
        "until": rfc3339(silence.until),
        "kind": silence.kind.name if silence.kind else None,
        "origin": silence.origin,
        "destination": silence.destination,
        "subject": silence.subject,
        "reason": silence.reason,
        "ack": silence.ack,
    }
