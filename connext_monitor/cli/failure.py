"""How a command ends that could not do what it was asked to do."""

from typing import IO, Any

import click

from connext_monitor.core.printable import escape


class Failure(click.ClickException):
    """Ends the program with a message on stderr and exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message."""
        print_error(self.message, file)


def print_error(message: str, file: IO[Any] | None = None) -> None:
    """Print each line of a message on stderr, or in the file, nothing of it interpreted."""
    for line in message.splitlines():
        click.echo(escape(line), file=file, err=file is None)
