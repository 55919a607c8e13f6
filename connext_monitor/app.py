"""The composition root: runs the monitor until it is asked to stop. What it is built of is in `assembly`."""

from collections.abc import Sequence

import structlog

from connext_monitor.alerting.providers.configured import ConfiguredProvider
from connext_monitor.assembly.outside import Outside
from connext_monitor.assembly.term import TermPlan, run_term
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.cluster.member import RefusedError
from connext_monitor.config import Config, DatabaseUrl
from connext_monitor.process.stop_request import StopRequest
from connext_monitor.reporting.web.server import ListenError
from connext_monitor.store.errors import DatabaseError

log = structlog.get_logger()


async def run(
    config: Config,
    providers: Sequence[ConfiguredProvider],
    clock: AgreedClock,
    stop: StopRequest,
    web_connections: int,
    outside: Outside | None = None,
) -> int:
    """Monitor until told to stop; the exit code: 0 after a clean stop, 1 where it could not go on.

    The HTTP server has ``web_connections`` at most.
    """
    plan = TermPlan(config, providers, clock, web_connections, outside or Outside())
    failures: list[None] = []

    def failed() -> None:
        failures.append(None)
        stop.make(1)

    try:
        if isinstance(config.monitor.database, DatabaseUrl):
            from connext_monitor.assembly.instances import run_instance  # noqa: PLC0415 - only where there are several

            await run_instance(plan, config.monitor.database, stop, failed)
        else:
            await run_term(plan, stop.wait, failed)
    except (DatabaseError, ListenError, RefusedError) as error:
        log.error("cannot.start", reason=str(error))  # noqa: TRY400 - the words say it all, a traceback adds nothing
        return 1
    return 1 if failures else 0
