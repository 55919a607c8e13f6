"""``run``: the monitor itself."""

import asyncio

import structlog

from connext_monitor import app
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.cli.settings import load
from connext_monitor.clock import SystemClock
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config, DatabaseUrl
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import lease_times
from connext_monitor.process import allocator, descriptors
from connext_monitor.process.garbage import spare_what_is_loaded
from connext_monitor.process.logs import configure_logging
from connext_monitor.process.running_loop import RunningLoop
from connext_monitor.process.stop_request import StopRequest

log = structlog.get_logger()


def run_monitor() -> int:
    """Run the monitor until it is asked to stop; the exit code."""
    spare_what_is_loaded()
    allocator.keep_little()
    stop = StopRequest(tell_abandoned=_log_abandoned)
    with stop.on_signals():
        return _monitor(stop)


def _log_abandoned(within: float, running: list[str]) -> None:
    log.error("stop.abandoned", after_seconds=within, parts=running)


def _longest_send(config: Config) -> float | None:
    """Seconds that a message may take where another instance may send soon after."""
    return lease_times(config).send_within if isinstance(config.monitor.database, DatabaseUrl) else None


def _monitor(stop: StopRequest) -> int:
    config = load()
    configure_logging(config.monitor.log_level, config.monitor.log_format)
    if config.not_configured:
        log.info("providers.not_configured", providers=", ".join(config.not_configured), shown_by="check-config")
    with asyncio.Runner(loop_factory=RunningLoop) as runner:
        clock = AgreedClock(SystemClock(runner.get_loop().time))
        labels = chain_labels(config)
        providers = build_providers(
            config.alert_providers, file=config.file, labels=labels, clock=clock, longest_send=_longest_send(config)
        )
        connections = descriptors.web_connections(descriptors.raise_limit())
        return runner.run(app.run(config, providers, clock, stop, connections))
