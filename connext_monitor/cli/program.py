"""The program: its commands, and which errors end with which exit code."""

from collections.abc import Sequence

import click

from connext_monitor.cli.alerts import alerts
from connext_monitor.cli.backfill import backfill
from connext_monitor.cli.backup import backup, restore
from connext_monitor.cli.check_config import check_config
from connext_monitor.cli.completions import completions
from connext_monitor.cli.export import export
from connext_monitor.cli.failure import BadConfig, Failure
from connext_monitor.cli.replay import replay
from connext_monitor.cli.run import run
from connext_monitor.cli.settings import config_option
from connext_monitor.cli.stats import stats
from connext_monitor.cli.status import status
from connext_monitor.cli.test_alert import test_alert
from connext_monitor.cli.transfer import transfer
from connext_monitor.cli.transfers import transfers
from connext_monitor.config import ConfigError
from connext_monitor.process import standard_streams
from connext_monitor.process.logs import configure_logging
from connext_monitor.reporting.web.server import ListenError
from connext_monitor.store.database import DatabaseError


class Program(click.Group):
    """The commands, in the order of the contract, with errors for users told in words instead of tracebacks."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the library's own signature
        """Names for the help."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            failure: Failure = BadConfig(str(error))
        except (DatabaseError, ListenError) as error:
            failure = Failure(str(error))
        except KeyboardInterrupt:
            # What a reader has not taken by now, nobody waits for.
            standard_streams.give_stdout_up()
            raise
        raise failure


@click.group(cls=Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@config_option(envvar="CONNEXT_MONITOR_CONFIG")
@click.version_option(package_name="connext-monitor", prog_name="connext-monitor")
@click.pass_context
def program(context: click.Context) -> None:
    """Watch every transfer of the Connext bridge, and alert when one is late.

    Without a command it runs the monitor.
    """
    # Data goes to stdout; whatever a part has to log goes to stderr. The monitor itself sets its own level.
    configure_logging("warning", "auto")
    if context.invoked_subcommand is None:
        context.invoke(run)


COMMANDS: Sequence[click.Command] = (
    run,
    check_config,
    status,
    transfers,
    transfer,
    alerts,
    stats,
    test_alert,
    backfill,
    replay,
    export,
    backup,
    restore,
    completions,
)
for command in COMMANDS:
    program.add_command(command)
