"""What a monitor shows of itself: the chains' status, metrics, the web server and the heartbeat."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from connext_monitor.alerting.heartbeat import Heartbeat
from connext_monitor.alerting.provider_watch import ProviderWatch
from connext_monitor.alerting.unjudged_watch import UnjudgedWatch
from connext_monitor.assembly.housekeeping import last_backup
from connext_monitor.clock import Clock
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.monitoring.observer import Observer
from connext_monitor.process import standard_streams
from connext_monitor.process.parts import Part
from connext_monitor.reporting.metrics.page import MetricsPage
from connext_monitor.reporting.metrics.sources import Sources
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.reporting.web.connections import OpenSocket
from connext_monitor.reporting.web.health import StandbyReasons
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store

Statuses = Callable[[], Sequence[ChainStatus]]

log = structlog.get_logger()


def chain_statuses(observers: Iterable[Observer], unjudged: UnjudgedWatch) -> list[ChainStatus]:
    """The chains as they are now, each with what cannot be judged because of it."""
    return [replace(observer.sight(), unjudged=unjudged.of(observer.state.config.domain_id)) for observer in observers]


@dataclass(frozen=True, slots=True)
class Served:
    """What answers over HTTP, and the metrics that are among it."""

    web: WebServer
    metrics: MetricsPage

    def parts(self) -> list[Part]:
        """What is measured for the metrics all the time."""
        return [Part("loop lag", self.metrics.measure_loop_lag)]


def build_served(
    config: Config,
    store: Store,
    tally: Tally,
    statuses: Statuses,
    waiting: Callable[[], int],
    failing: Callable[[], Collection[str]],
    labels: ChainLabels,
    checks: RouterChecks,
    clock: AgreedClock,
    connections: int,
    stack: AsyncExitStack,
    open_socket: OpenSocket,
    standby: StandbyReasons | None = None,
) -> Served | None:
    """The web server, not started yet; None where the config wants none. The stack lets go of it."""
    if config.monitor.listen is None:
        return None
    metrics = _metrics(config, store, tally, statuses, waiting, failing, checks, clock)
    stack.push_async_callback(metrics.aclose)
    names = list(config.alert_providers)
    web = WebServer(
        config.monitor.listen,
        store,
        statuses,
        names,
        labels,
        clock,
        metrics.routes(),
        clock.state,
        connections=connections,
        checks=checks,
        open_socket=open_socket,
        standby=standby,
    )
    return Served(web, metrics)


def _metrics(
    config: Config,
    store: Store,
    tally: Tally,
    statuses: Statuses,
    waiting: Callable[[], int],
    failing: Callable[[], Collection[str]],
    checks: RouterChecks,
    clock: AgreedClock,
) -> MetricsPage:
    sources = Sources(
        chains={chain.domain_id: chain.name for chain in config.chains.values()},
        providers=config.alert_providers,
        database=config.monitor.database if isinstance(config.monitor.database, Path) else None,
        statuses=statuses,
        checks=checks,
        stored=lambda now: store.statistics.measure(now, list(checks.names)),
        malformed=lambda: tally.malformed,
        observations_waiting=waiting,
        failing=failing,
        backup_every=config.backup.every.total_seconds() if config.backup.every else None,
        last_backup=last_backup(config, clock),
        clock=clock.state,
        log_lines_dropped=lambda: standard_streams.stderr_outlet.dropped,
    )
    return MetricsPage(sources, tally, clock)


async def start_web(web: WebServer, stack: AsyncExitStack) -> None:
    """Begin to answer; the stack ends it. Raises ListenError."""
    address = await web.start()
    stack.push_async_callback(web.stop)
    log.info("web.listening", address=f"http://{address}")


def heartbeat_part(
    config: Config, store: Store, statuses: Statuses, provider_watch: ProviderWatch, clock: Clock
) -> list[Part]:
    """The sign of life, where the config has an address for it; it is withheld while something is wrong."""
    if config.heartbeat.url is None:
        return []

    def trouble() -> str | None:
        return store.trouble or _trouble(statuses(), provider_watch.failing)

    heartbeat = Heartbeat(config.heartbeat.url, config.heartbeat.every.total_seconds(), trouble, clock)
    return [Part("heartbeat", heartbeat.run)]


def _trouble(chains: Iterable[ChainStatus], failing: Sequence[str]) -> str | None:
    """Why no sign of life is given: who relies on it would rely on chains and channels too."""
    unseen = [chain.name for chain in chains if not chain.observed or chain.unjudged is not None]
    if unseen:
        return f"not observed: {', '.join(unseen)}"
    return f"taking no alerts: {', '.join(failing)}" if failing else None
