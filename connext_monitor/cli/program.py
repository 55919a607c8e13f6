"""The program: its commands, and which errors end with which exit code."""

from collections.abc import Sequence

import click

from connext_monitor.cli.commands.alerts import alerts
from connext_monitor.cli.commands.completions import completions
from connext_monitor.cli.commands.database import backfill, backup, move, restore
from connext_monitor.cli.commands.lookup import events, export, replay, stats, status, transfer, transfers
from connext_monitor.cli.commands.monitor import check_config, run, test_alert
from connext_monitor.cli.failure import print_error
from connext_monitor.cli.options import config_option
from connext_monitor.core.operator_error import OperatorError
from connext_monitor.process import standard_streams
from connext_monitor.process.first_record import configure_logging_at_first_record


class Program(click.Group):
    """The commands, in the order of docs/api.md, with messages instead of tracebacks for errors that users can fix."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the library's own signature
        """Names for the help."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            print_error(str(error))
            raise click.exceptions.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            # Output that has not been read by now is given up.
            standard_streams.give_stdout_up()
            raise


@click.group(cls=Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@config_option(envvar="CONNEXT_MONITOR_CONFIG")
@click.version_option(package_name="connext-monitor", prog_name="connext-monitor")
@click.pass_context
def program(context: click.Context) -> None:
    """Watch every transfer of the Connext bridge, and alert when one is late.

    Without a command it runs the monitor.
    """
    configure_logging_at_first_record(_configure_logging)
    if context.invoked_subcommand is None:
        context.invoke(run)


def _configure_logging() -> None:
    from connext_monitor.process.logs import configure_logging  # noqa: PLC0415 - loads structlog, and rich with it

    configure_logging("warning", "auto")


COMMANDS: Sequence[click.Command] = (
    run,
    check_config,
    status,
    transfers,
    transfer,
    alerts,
    events,
    stats,
    test_alert,
    backfill,
    replay,
    export,
    backup,
    restore,
    move,
    completions,
)
for command in COMMANDS:
    program.add_command(command)
