"""``alerts silence``, ``ack``, ``silences`` and ``unsilence``: what is not delivered for a while."""

from datetime import timedelta

import click

from connext_monitor.cli.cells import Row
from connext_monitor.cli.failure import Failure
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.opened_database import reading, writing
from connext_monitor.cli.output import print_json, print_table, say
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config, parse_duration
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.documents.command_line import SilenceDocument
from connext_monitor.core.documents.fields import ListDocument
from connext_monitor.core.formats import rfc3339

_HEADINGS = ("ID", "UNTIL", "WHAT", "REASON")


def make_silence(
    lasting: str,
    kind: str | None,
    origin: str | None,
    destination: str | None,
    subject: str | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Silence the alerts that match all criteria, for a duration, and print the silence."""
    length = _duration(lasting)
    config = load()
    for option, name in (("--origin", origin), ("--destination", destination)):
        _check_chain(config, option, name)
    until = SystemClock().now() + length
    silence = Silence(0, until, KINDS[kind] if kind else None, origin, destination, subject, reason)
    _print(_store(config, silence), as_json=as_json)


def acknowledge(alert_id: str, lasting: str, reason: str, *, as_json: bool) -> None:
    """Silence one open alert for a duration. Raises Failure where no alert with this id is open."""
    length = _duration(lasting)
    config = load()

    async def is_open() -> bool:
        async with reading(config) as store:
            return alert_id in {alert.id for alert in await store.alerts.every_open()}

    if not complete(is_open()):
        raise Failure("no open alert has this id; connext-monitor alerts --state open --json lists the ids")
    silence = Silence(0, SystemClock().now() + length, subject=alert_id, reason=reason, ack=True)
    _print(_store(config, silence), as_json=as_json)


def list_silences(*, as_json: bool) -> None:
    """Print what is silenced now."""
    config = load()

    async def read() -> list[Silence]:
        async with reading(config) as store:
            return await store.silences.standing()

    silences = complete(read())
    if as_json:
        print_json(ListDocument([_document(silence) for silence in silences], None))
    else:
        print_table(_HEADINGS, [_row(silence) for silence in silences])


def end_silence(silence_id: int) -> None:
    """End a silence now. Raises Failure where there is none of this id."""
    config = load()

    async def cut() -> bool:
        async with writing(config) as store:
            return await store.silences.cut_short(silence_id, SystemClock().now())

    if not complete(cut()):
        raise Failure("no silence with this id is in force; connext-monitor alerts silences lists those that are")
    say(f"silence {silence_id} has ended")


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError:
        cure = "write an ISO 8601 duration, such as PT30M, PT2H or P1D"
        raise click.BadParameter(cure, param_hint="--for") from None


def _check_chain(config: Config, option: str, name: str | None) -> None:
    names = sorted({label.name for label in chain_labels(config).by_domain.values()})
    if name is not None and name not in names:
        raise click.BadParameter(f"write one of {', '.join(names)}", param_hint=option)


def _store(config: Config, silence: Silence) -> Silence:
    async def make() -> Silence:
        async with writing(config) as store:
            return await store.silences.make(silence, SystemClock().now())

    return complete(make())


def _print(silence: Silence, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(silence))
    else:
        say(f"silence {silence.id} until {rfc3339(silence.until)}: {_scope(silence)}")


def _scope(silence: Silence) -> str:
    parts = [
        f"acknowledged {silence.subject}" if silence.ack else "",
        silence.kind.name if silence.kind else "",
        f"from {silence.origin}" if silence.origin else "",
        f"to {silence.destination}" if silence.destination else "",
        f"about {silence.subject}" if silence.subject and not silence.ack else "",
    ]
    return " ".join(part for part in parts if part) or "all alerts"


def _row(silence: Silence) -> Row:
    return (str(silence.id), rfc3339(silence.until), _scope(silence), silence.reason)


def _document(silence: Silence) -> SilenceDocument:
    return SilenceDocument(
        id=silence.id,
        until=rfc3339(silence.until),
        kind=silence.kind.name if silence.kind else None,
        origin=silence.origin,
        destination=silence.destination,
        subject=silence.subject,
        reason=silence.reason,
        ack=silence.ack,
    )
