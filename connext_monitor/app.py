"""The composition root: builds every part from the config, runs them together, stops them in order."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from random import SystemRandom
from typing import Any

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk, Route
from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.cause_watch import CauseWatch
from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.alerting.chain_watch import ChainWatch
from connext_monitor.alerting.database_watch import DatabaseWatch
from connext_monitor.alerting.escalation import Escalation
from connext_monitor.alerting.heartbeat import Heartbeat
from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.outage_announcer import OutageAnnouncer
from connext_monitor.alerting.phantom_watch import PhantomWatch
from connext_monitor.alerting.provider_watch import ProviderWatch
from connext_monitor.alerting.providers import ConfiguredProvider
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.alerting.silences import Silences
from connext_monitor.alerting.unjudged_watch import UnjudgedWatch
from connext_monitor.assembly.housekeeping import housekeeping, last_backup, report_desk
from connext_monitor.assembly.opened_store import StoreOpening
from connext_monitor.assembly.reads import reads_of, trouble_words
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import escalations, first_blocks, group_rules, pathway_durations
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.cause import Cause, merged
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.deadline import Leg
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer
from connext_monitor.monitoring.chain_queries import ChainQueries
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.observer import Observer
from connext_monitor.monitoring.origin_search import OriginSearch
from connext_monitor.monitoring.token_reader import TokenReader
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.observed_chain import ObservedChain
from connext_monitor.process import standard_streams
from connext_monitor.process.garbage import spare_collections
from connext_monitor.process.stop_request import StopRequest
from connext_monitor.reporting.metrics.page import MetricsPage
from connext_monitor.reporting.metrics.sources import Sources
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.reporting.web.server import ListenError, WebServer
from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.examiner import Examiner

_PATIENT = "alert manager"
"""The part that gives sends under way some seconds when it is told to stop."""
_CANCELLED_AGAIN_AFTER = 0.5
_BEGUN_AGAIN_AFTER = 1.0

log = structlog.get_logger()


async def run(
    config: Config,
    providers: Sequence[ConfiguredProvider],
    clock: AgreedClock,
    stop: StopRequest,
    web_connections: int,
) -> int:
    """Monitor until told to stop; the exit code: 0 after a clean stop, 1 where it could not go on.

    The HTTP server has ``web_connections`` at most.
    """
    try:
        async with AsyncExitStack() as stack:
            stopping = asyncio.create_task(stop.wait(), name="stop")
            stack.callback(stopping.cancel)
            building = asyncio.create_task(_build(stack, config, providers, clock, web_connections), name="start")
            await asyncio.wait({stopping, building}, return_when=asyncio.FIRST_COMPLETED)
            if not building.done():
                # A migration may take long; what it has not committed is begun anew at the next start.
                await _end({building})
                return 0
            monitor = building.result()
            spare_collections()
            return await monitor.run(stop)
    except (DatabaseError, ListenError) as error:
        log.error("cannot.start", reason=str(error))  # noqa: TRY400 - the words say it all, a traceback adds nothing
        return 1


async def _end(tasks: Collection["asyncio.Task[Any]"], patient: Collection["asyncio.Task[Any]"] = ()) -> None:
    """Cancel the tasks until they have ended: a library may turn a cancellation into an error of its own.

    The ``patient`` ones, which use the time that they are given, are cancelled once.
    """
    left = set(tasks) | set(patient)
    for task in patient:
        task.cancel()
    while left:
        for task in left.difference(patient):
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=_CANCELLED_AGAIN_AFTER)
        for task in ended:
            _log_failed_stop(task)


async def _undeterred(part: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a part, and begin it again where it could not use the database, unless only another start mends that."""
    while True:
        try:
            return await part()
        except StoreUnavailable as error:
            if error.trouble.final:
                raise
        await asyncio.sleep(_BEGUN_AGAIN_AFTER)


def subscriptions(providers: Sequence[ConfiguredProvider], labels: ChainLabels) -> Route:
    """Names the providers whose configuration asks for an alert."""

    def subscribers(alert: Alert) -> Collection[str]:
        return [configured.provider.name for configured in providers if configured.wants(alert, labels)]

    return subscribers


class _Commits:
    """Hands on what the transfer checker has made durable; what is not built yet when it is made comes later."""

    scheduler: AlertScheduler
    chain_watch: ChainWatch
    cause_watch: CauseWatch
    web: WebServer | None = None

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def stopping(self) -> None:
        """Say to whoever asks over HTTP that the monitor is about to end."""
        if self.web is not None:
            self.web.stopping()

    def unjudged_changed(self) -> None:
        """Look at what has changed about legs that cannot be judged."""
        self.chain_watch.unjudged_changed()

    def committed(self, news: Committed) -> None:
        """Arm and cancel deadlines, look at the chains, deliver, count."""
        self.scheduler.committed(news.effects, news.progress)
        if news.progress:
            self.chain_watch.progressed()
        if news.changed_alerts:
            self.cause_watch.resolved(news.effects, news.changed_alerts)
        touched = [*(transfer.transfer_id for transfer, _ in news.changes.transfers), *news.changes.vanished]
        if self.web is not None and (touched or news.changed_alerts):
            self.web.feed.transfers_changed(touched)
        self._tally.committed(news.changes, news.progress)


class _Monitor:
    """All parts that run until the stop."""

    def __init__(
        self,
        checker: TransferChecker,
        observers: Sequence[Observer],
        scheduler: AlertScheduler,
        chain_watch: ChainWatch,
        cause_watch: CauseWatch,
        provider_watch: ProviderWatch,
        phantom_watch: PhantomWatch,
        manager: AlertManager,
        heartbeat: Heartbeat | None,
        silences: Callable[[], Coroutine[Any, Any, None]],
        escalation: Callable[[], Coroutine[Any, Any, None]],
        metrics: MetricsPage,
        database: Database,
        housekeeping: Mapping[str, Callable[[], Coroutine[Any, Any, None]]],
        stopping: Callable[[], None],
    ) -> None:
        self._checker = checker
        self._stopping = stopping
        self._database = database
        self._parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            _PATIENT: manager.run,
            "alert scheduler": scheduler.run,
            "chain watch": chain_watch.run,
            "cause watch": cause_watch.run,
            "provider watch": provider_watch.run,
            "phantom watch": phantom_watch.run,
            "silences": silences,
            "escalation": escalation,
            "transfer checker": checker.run,
            "loop lag": metrics.measure_loop_lag,
            **housekeeping,
        }
        if heartbeat is not None:
            self._parts["heartbeat"] = heartbeat.run
        self._observers = observers

    async def run(self, stop: StopRequest) -> int:
        """Run until told to stop (0), or until a part fails that the others cannot do without (1)."""
        tasks = {asyncio.create_task(_undeterred(part), name=name) for name, part in self._parts.items()}
        tasks |= {asyncio.create_task(o.run(), name=f"observer {o.state.config.name}") for o in self._observers}
        stopping = asyncio.create_task(stop.wait(), name="stop")
        log.info("monitor.started", chains=[observer.state.config.name for observer in self._observers])
        done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in done if task is not stopping]
        for task in failed:
            _log_failure(task)
        if failed:
            stop.make(1)
        log.info("monitor.stopping")
        self._stopping()
        self._database.end()
        left = {stopping, *tasks}.difference(failed)
        await _end(left, [task for task in left if task.get_name() == _PATIENT])
        await self._checker.drain()
        return 1 if failed else 0


def _log_failure(part: asyncio.Task[Any]) -> None:
    error = None if part.cancelled() else part.exception()
    if isinstance(error, StoreUnavailable):
        log.error("monitor.cannot_go_on", part=part.get_name(), reason=str(error), cure=error.trouble.cure)
    else:
        log.error("part.failed", part=part.get_name(), exc_info=error)


def _log_failed_stop(part: asyncio.Task[Any]) -> None:
    error = None if part.cancelled() else part.exception()
    # What could not use the database any more, or was stopped halfway at the start, is as it should be.
    if error is not None and not isinstance(error, StoreUnavailable | DatabaseError | ListenError):
        log.warning("stop.part_failed", part=part.get_name(), exc_info=error)


async def _build(
    stack: AsyncExitStack,
    config: Config,
    providers: Sequence[ConfiguredProvider],
    clock: AgreedClock,
    web_connections: int,
) -> _Monitor:
    """Everything, from the store outwards; the stack lets go of it in the reverse order."""
    labels = chain_labels(config)
    durations = pathway_durations(config)
    unobserved_after = config.alerts.unobserved_after.total_seconds()
    names = {chain.domain_id: chain.name for chain in config.chains.values()}

    opening = StoreOpening(config, names, providers, labels, clock)
    store = await opening.open(stack, durations, first_blocks(config))

    silences = Silences(store.silences, labels, clock, clock.settled)
    await silences.load()

    desk = AlertDesk(store.alerts, subscriptions(providers, labels), clock, silences.cover)
    tally = Tally(names, config.alert_providers)
    commits = _Commits(tally)
    checker = TransferChecker(store, durations, commits, labels, clock, desk.route, patient=True)
    random = SystemRandom()
    observers = [
        Observer(chain, unobserved_after, open_endpoint, store.chains, checker, clock, random)
        for chain in config.chains.values()
    ]
    clock.watch(lambda: {o.state.config.domain_id: o.state.head for o in observers if o.state.head is not None})
    # What began before the watch gets no deadlines, as with a backfill.
    past = TransferChecker(store, lambda _origin, _destination: None, commits, labels, clock, desk.route, patient=True)
    queries = {o.state.config.domain_id: ChainQueries(o.state, checker, past, o.pool) for o in observers}
    chains = {o.state.config.domain_id: ObservedChain(o, queries[o.state.config.domain_id]) for o in observers}
    tokens = TokenReader(store.tokens, queries, labels)
    await tokens.load()
    provider_watch = ProviderWatch(desk, [p.provider.name for p in providers], clock)
    channels, rules = [p.provider for p in providers], group_rules(config)
    reports = report_desk(store, providers, labels)
    manager = AlertManager(
        store.outbox, channels, labels, rules, provider_watch, clock, random, tally.delivered, reports
    )
    desk.on_change(manager.wake)
    causes = store.causes
    finder = CauseFinder(causes, chains, clock)

    async def find_causes(transfer: Transfer, leg: Leg) -> tuple[Cause, ...]:
        _, findings = await asyncio.gather(tokens.enrich(transfer), finder.find(transfer, leg))
        return merged((), findings)

    commits.cause_watch = CauseWatch(store.transfers, causes, finder, desk, clock)
    commits.scheduler = AlertScheduler(store.deadlines, chains, desk, find_causes, clock, latest=clock.latest)
    database, condition = store.database, store.database.condition
    phantom_watch = PhantomWatch(store.suspects, chains, desk, clock)
    unjudged = UnjudgedWatch(
        store.unjudged,
        desk,
        commits.scheduler,
        phantom_watch.held,
        names,
        unobserved_after,
        commits.unjudged_changed,
        clock,
    )
    commits.chain_watch = ChainWatch(
        desk,
        chains,
        commits.scheduler.waiting,
        unjudged,
        unobserved_after,
        clock,
        lambda: condition.works_for,
    )
    database_watch = DatabaseWatch(
        Examiner(database, opening.lock.header),
        OutageAnnouncer(Bulletin(channels, desk.route, labels, clock), opening.lock.note, clock),
        desk,
        clock,
    )

    def sights() -> list[ChainStatus]:
        return [replace(one.sight(), unjudged=unjudged.of(one.state.config.domain_id)) for one in observers]

    heartbeat = _heartbeat(
        config, lambda: trouble_words(condition) or _trouble(sights(), provider_watch.failing), clock
    )
    sources = Sources(
        chains=names,
        providers=config.alert_providers,
        database=config.monitor.database,
        statuses=sights,
        stored=store.statistics.measure,
        malformed=lambda: checker.malformed,
        observations_waiting=lambda: checker.waiting,
        failing=lambda: provider_watch.failing,
        backup_every=config.backup.every.total_seconds() if config.backup.every else None,
        last_backup=last_backup(config, clock),
        clock=clock.state,
        log_lines_dropped=lambda: standard_streams.stderr_outlet.dropped,
    )
    metrics = MetricsPage(sources, tally, clock)
    stack.push_async_callback(metrics.aclose)
    if config.monitor.listen is not None:
        providing = list(config.alert_providers)
        web = WebServer(
            config.monitor.listen,
            reads_of(store),
            sights,
            providing,
            labels,
            clock,
            metrics.routes(),
            clock.state,
            connections=web_connections,
        )
        address = await web.start()
        commits.web = web
        desk.on_change(web.feed.alerts_changed)
        stack.push_async_callback(web.stop)
        log.info("web.listening", address=f"http://{address}")
    return _Monitor(
        checker,
        observers,
        commits.scheduler,
        commits.chain_watch,
        commits.cause_watch,
        provider_watch,
        phantom_watch,
        manager,
        heartbeat,
        partial(silences.run, desk),
        Escalation(desk, escalations(config), clock, clock.latest).run,
        metrics,
        database,
        {
            "database watch": database_watch.run,
            "unjudged watch": unjudged.run,
            "clock": clock.run,
            "origin search": OriginSearch(store.transfers, queries, labels, clock).run,
            "checker of the past": past.run,
            **housekeeping(config, store, providers, desk, sights, clock),
        },
        commits.stopping,
    )


def _heartbeat(config: Config, trouble: Callable[[], str | None], clock: AgreedClock) -> Heartbeat | None:
    if config.heartbeat.url is None:
        return None
    return Heartbeat(config.heartbeat.url, config.heartbeat.every.total_seconds(), trouble, clock)


def _trouble(chains: Iterable[ChainStatus], failing: Sequence[str]) -> str | None:
    """Why no sign of life is given: who relies on it would rely on chains and channels too."""
    unseen = [chain.name for chain in chains if not chain.observed or chain.unjudged is not None]
    if unseen:
        return f"not observed: {', '.join(unseen)}"
    return f"taking no alerts: {', '.join(failing)}" if failing else None
