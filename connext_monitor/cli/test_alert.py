"""``test-alert``: a drill through the real channels."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import click
from rich.console import Console

from connext_monitor.alerting.drill import drill
from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.cli.cells import Row
from connext_monitor.cli.failure import Failure
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.output import print_json, print_table, say, styled
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Refused, Sent, TryLater
from connext_monitor.core.documents.command_line import DrillDocument
from connext_monitor.core.documents.fields import ListDocument
from connext_monitor.core.labels import ChainLabels
from connext_monitor.process.logs import configure_logging


@dataclass(frozen=True, slots=True)
class Drilled:
    """What one channel answered to one of the drill's messages."""

    provider: str
    change: Change
    outcome: Outcome


def send_drills(provider: str | None, *, as_json: bool) -> None:
    """Send drills through one provider, or all, and print the answers. Raises Failure where one was not accepted."""
    configure_logging("warning", "auto")
    config = load()
    labels = chain_labels(config)
    clock = SystemClock()
    # What the console provider prints is not JSON.
    console = Console(stderr=True, highlight=False) if as_json else None
    built = build_providers(config.alert_providers, file=config.file, labels=labels, clock=clock, console=console)
    every = [configured.provider for configured in built]
    chosen = [channel for channel in every if provider in {None, channel.name}]
    if not chosen:
        raise _no_provider([channel.name for channel in every])

    async def send() -> list[Drilled]:
        together = await asyncio.gather(*(_drill(channel, labels, clock) for channel in chosen))
        return [answer for answers in together for answer in answers]

    answers = complete(send())
    if as_json:
        print_json(ListDocument([_document(answer) for answer in answers], None))
    else:
        print_table(("PROVIDER", "MESSAGE", "ANSWER"), [_row(answer) for answer in answers])
    if not all(isinstance(answer.outcome, Sent) for answer in answers):
        raise Failure("not every channel accepted the drill")


async def _drill(provider: Provider, labels: ChainLabels, clock: SystemClock) -> list[Drilled]:
    say(f"sending a drill through {provider.name} …")
    try:
        answers = await drill(provider, labels, clock)
    finally:
        await provider.aclose()
    return [Drilled(provider.name, change, outcome) for change, outcome in answers]


def _no_provider(names: Sequence[str]) -> click.ClickException:
    if not names:
        return Failure("the config has no alert provider; add one, such as [alert_providers.console]")
    return click.BadParameter(f"write one of {', '.join(names)}", param_hint="--provider")


def outcome_words(outcome: Outcome) -> str:
    """What the channel answered, for people."""
    match outcome:
        case Sent():
            return "accepted"
        case TryLater(reason=reason):
            return f"not accepted now: {reason}"
        case Refused(reason=reason):
            return f"rejected this message: {reason}"
        case ChannelDead(reason=reason):
            return f"permanently rejected: {reason}"


def _row(answer: Drilled) -> Row:
    style = "green" if isinstance(answer.outcome, Sent) else "bold red"
    return (answer.provider, answer.change.value, styled(outcome_words(answer.outcome), style))


def _document(answer: Drilled) -> DrillDocument:
    taken = isinstance(answer.outcome, Sent)
    return DrillDocument(answer.provider, answer.change, taken, outcome_words(answer.outcome))
