"""The options that several commands share. Nothing is loaded here that only a running command needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

DEFAULT_FILE = Path("config.toml")
LARGEST_LIST = 10_000
"""Rows of a list that one command prints at most."""
DEFAULT_LIST = 50

F = TypeVar("F", bound=Callable[..., object])


@dataclass(slots=True)
class Settings:
    """The options that were given before the command; kept as click's context object.

    ``monitor_answers_within`` is no option: the seconds that a running monitor has for all questions of a command.
    """

    file: Path = DEFAULT_FILE
    from_environment: bool = False
    monitor_answers_within: float = 2.0


def _keep(context: click.Context, option: click.Parameter, file: Path | None) -> None:
    settings = context.ensure_object(Settings)
    if file is not None:
        settings.file = file
        settings.from_environment = context.get_parameter_source(option.name or "") is ParameterSource.ENVIRONMENT


def config_option(*, envvar: str | None = None) -> Callable[[F], F]:
    """``--config FILE``, before the command or after it; the one after it counts."""
    return click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar=envvar,
        expose_value=False,
        # An option's own default must not undo what stood before the command.
        callback=_keep,
        is_eager=True,
        help=f"The config file; else $CONNEXT_MONITOR_CONFIG, else {DEFAULT_FILE} here.",
    )


def json_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def limit_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--limit``."""
    return click.option(
        "--limit",
        type=click.IntRange(1, LARGEST_LIST),
        default=DEFAULT_LIST,
        show_default=True,
        help="Show at most this many.",
    )(command)


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which transfers are asked for, as it was typed."""

    status: str | None
    origin: str | None
    destination: str | None
    older_than: str | None


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which transfers; the command gets them as ``typed``."""

    @click.option("--status", metavar="WORDS", help="Only with this status; separate several by commas.")
    @click.option("--origin", metavar="CHAIN", help="Only from this chain: its name or its domain id.")
    @click.option("--destination", metavar="CHAIN", help="Only to this chain: its name or its domain id.")
    @click.option("--older-than", metavar="DURATION", help="Only those begun at least this long ago, such as PT10M.")
    @wraps(command)
    def with_filter(
        *,
        status: str | None,
        origin: str | None,
        destination: str | None,
        older_than: str | None,
        **other_options: object,
    ) -> None:
        command(typed=FilterOptions(status, origin, destination, older_than), **other_options)

    return with_filter


class LateChoice(click.ParamType[str]):
    """A choice between words that are looked up only to parse a value, to complete one or to show the help."""

    name = "choice"

    def __init__(self, words: Callable[[], Sequence[str]]) -> None:
        self._words = words

    @property
    def _choice(self) -> click.Choice[str]:
        return click.Choice(self._words())

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word. Raises a usage error that lists the words where it is none of them."""
        return self._choice.convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """All the words, for the help."""
        return self._choice.get_metavar(param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin like this."""
        return self._choice.shell_complete(ctx, param, incomplete)
