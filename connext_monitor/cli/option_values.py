"""How the texts of options are read."""

from collections.abc import Callable
from typing import TypeVar

import click

from connext_monitor.reporting.web.parameters import BadValueError

T = TypeVar("T")


def option(name: str, text: str | None, read: Callable[[str], T]) -> T | None:
    """The value of an option, None where it was not given. Raises a usage error that names it."""
    try:
        return None if text is None else read(text)
    except BadValueError as error:
        raise click.BadParameter(str(error), param_hint=name) from None
