"""``run``: the monitor itself."""

import click
import structlog

from connext_monitor.alerting.providers import build_providers
from connext_monitor.cli.settings import complete, config_option, load
from connext_monitor.clock import SystemClock
from connext_monitor.labels import chain_labels
from connext_monitor.logs import configure_logging

log = structlog.get_logger()


@click.command()
@config_option()
@click.pass_context
def run(context: click.Context) -> None:
    """Monitor in the foreground until SIGINT or SIGTERM (the default)."""
    config = load()
    configure_logging(config.monitor.log_level, config.monitor.log_format)
    if config.not_configured:
        log.info("providers.not_configured", providers=", ".join(config.not_configured), see="check-config")
    providers = build_providers(
        config.alert_providers, file=config.file, labels=chain_labels(config), clock=SystemClock()
    )
    # Imported here: the other commands need nothing of it.
    from connext_monitor import app  # noqa: PLC0415

    context.exit(complete(app.run(config, providers)))
