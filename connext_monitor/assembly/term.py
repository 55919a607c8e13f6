"""A term: all that observes, judges and alerts, from beginning to end.

Where the database is a file there is a single one, for as long as the process runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.owner_watch import OwnerWatch
from connext_monitor.alerting.providers.configured import ConfiguredProvider
from connext_monitor.alerting.worker import OPEN, SendFence
from connext_monitor.assembly.after_commit import AfterCommit
from connext_monitor.assembly.alerting import Alerting, build_alerting
from connext_monitor.assembly.housekeeping import housekeeping
from connext_monitor.assembly.observed_chains import ObservedChains, observe_chains
from connext_monitor.assembly.opened_store import StoreOpening
from connext_monitor.assembly.outside import Outside
from connext_monitor.assembly.serving import Served, Statuses, build_served, chain_statuses, heartbeat_part, start_web
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import first_blocks, no_deadlines, pathway_durations
from connext_monitor.core.alerts.kinds.owner_changed import OwnerChangedDetails
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.deadline import PathwayDurations
from connext_monitor.core.handover import OwnSight
from connext_monitor.core.labels import ChainLabels, KnownTokens
from connext_monitor.monitoring.origin_search import OriginSearch
from connext_monitor.monitoring.token_reader import TokenReader
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.process.parts import Part, RunningParts, cancelled
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.reporting.web.connections import OpenSocket, open_socket
from connext_monitor.reporting.web.server import ListenError, WebServer
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.store import Store
from connext_monitor.store.turn import WriteTurn

if TYPE_CHECKING:
    from connext_monitor.cluster.handover import HandoverWatch

_BEGUN_AGAIN_AFTER = 1.0

Until = Callable[[], Coroutine[Any, Any, object]]
"""Returns when a term is to end."""

OwnSights = Callable[[], Mapping[str, OwnSight]]
"""How each chain is seen now, by its name."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TermPlan:
    """What a term is made of. The HTTP server has ``web_connections`` at most, and listens by ``open_socket``.

    ``turn`` and ``fence`` are those of an instance that owns the work, ``owners`` says from whom it has taken that,
    ``handover_watch`` makes what hands it over. Where the database is a file, there is none of them.
    """

    config: Config
    providers: Sequence[ConfiguredProvider]
    clock: AgreedClock
    web_connections: int
    outside: Outside
    turn: WriteTurn | None = None
    fence: SendFence = OPEN
    owners: OwnerChangedDetails | None = None
    handover_watch: "Callable[[OwnSights], HandoverWatch] | None" = None
    open_socket: OpenSocket = open_socket


async def run_term(plan: TermPlan, until: Until, failed: Callable[[], None]) -> None:
    """Build all of it anew from the database, and run it until that returns; then nothing of it is left.

    ``failed`` is called first where it ends by itself, since a part failed that the others cannot do without.
    Raises DatabaseError and ListenError where it cannot begin.
    """
    async with AsyncExitStack() as stack:
        ending = asyncio.create_task(until(), name="stop")
        stack.callback(ending.cancel)
        building = asyncio.create_task(_build(stack, plan), name="start")
        await asyncio.wait({ending, building}, return_when=asyncio.FIRST_COMPLETED)
        if not building.done():
            # A migration may take long; what it has not committed is begun anew at the next start.
            await cancelled({building})
            log_failed_stop("start", None if building.cancelled() else building.exception())
            return
        term = building.result()
        plan.outside.built()
        await term.run(until, failed)


async def _undeterred(part: Callable[[], Awaitable[None]]) -> None:
    """Run a part, and begin it again where it could not use the database, unless only another start mends that."""
    while True:
        try:
            return await part()
        except StoreUnavailable as error:
            if error.trouble.final:
                raise
        await asyncio.sleep(_BEGUN_AGAIN_AFTER)


@dataclass(frozen=True, slots=True)
class _Term:
    """All that runs, in the order of its start, and what is done before the first part is stopped."""

    chains: Sequence[str]
    parts: Sequence[Part]
    before_stop: Callable[[], None]

    async def run(self, until: Until, failed: Callable[[], None]) -> None:
        """Run until that returns, or until a part fails that the others cannot do without."""

        def before_stop(clean: bool) -> None:
            if not clean:
                failed()
            log.info("monitor.stopping")
            self.before_stop()

        log.info("monitor.started", chains=self.chains)
        parts = [replace(part, run=partial(_undeterred, part.run)) for part in self.parts]
        await RunningParts(parts, log_failure, log_failed_stop).run(until, before_stop)


def log_failure(part: str, error: BaseException | None) -> None:
    """Say which part ended the run, and why."""
    if isinstance(error, StoreUnavailable):
        log.error("monitor.cannot_go_on", part=part, reason=str(error), cure=error.trouble.cure)
    else:
        log.error("part.failed", part=part, exc_info=error)


def log_failed_stop(part: str, error: BaseException | None) -> None:
    """Say which part did not end as it should."""
    # What could not use the database any more, or was stopped halfway at the start, is as it should be.
    if error is not None and not isinstance(error, StoreUnavailable | DatabaseError | ListenError):
        log.warning("stop.part_failed", part=part, exc_info=error)


async def _build(stack: AsyncExitStack, plan: TermPlan) -> _Term:
    """Everything, from the store outwards; the stack lets go of it in the reverse order."""
    config, providers, clock, outside = plan.config, plan.providers, plan.clock, plan.outside
    known_tokens = KnownTokens()
    labels, durations = chain_labels(config, known_tokens), pathway_durations(config)
    names = {chain.domain_id: chain.name for chain in config.chains.values()}
    opening = StoreOpening(config, names, providers, labels, clock, outside, plan.turn)
    store = await opening.open(stack, durations, first_blocks(config))

    tally = Tally(names, config.alert_providers)
    observed = observe_chains(config, store, clock, outside)
    tokens = TokenReader(store.tokens, observed.queries, known_tokens)
    await tokens.load()
    alerts = await build_alerting(
        config, providers, store, opening.lock, observed.chains, tokens, labels, clock, tally, outside, plan.fence
    )

    clock.on_step(alerts.scheduler.follow_clocks)
    statuses = partial(chain_statuses, observed.observers, alerts.unjudged)
    served = _served(stack, plan, store, tally, statuses, observed, alerts, labels)
    web = served.web if served else None
    looks = outside.looks
    origins = OriginSearch(
        store.transfers, observed.queries, labels, clock, every=looks.origins, rest=looks.without_suspects
    )
    listener = _after_commit(alerts, origins, web, tally)
    checkers = _checkers(observed, durations, store, listener, labels, clock, alerts)
    if web is not None:
        await start_web(web, stack)

    # Stopped from the last to the first: what is still seen is committed, and then what that alerts about is sent.
    parts = [
        Part("clock", partial(clock.run, looks.clocks)),
        *(served.parts() if served else ()),
        *alerts.parts,
        *_of_owner(plan, alerts.desk, lambda: observed.own_sights(store.database.condition.works_for)),
        *heartbeat_part(config, store, statuses, alerts.provider_watch, clock),
        *housekeeping(config, store, providers, alerts.desk, statuses, clock, looks),
        *checkers,
        Part("origin search", origins.run),
        *observed.parts(),
    ]
    return _Term(observed.names, parts, partial(_before_stop, store, web))


def _served(
    stack: AsyncExitStack,
    plan: TermPlan,
    store: Store,
    tally: Tally,
    statuses: Statuses,
    observed: ObservedChains,
    alerts: Alerting,
    labels: ChainLabels,
) -> Served | None:
    """What is served over HTTP, which hears of every change of an alert."""
    served = build_served(
        plan.config,
        store,
        tally,
        statuses,
        partial(len, observed.live),
        lambda: alerts.provider_watch.failing,
        labels,
        alerts.routers.checks,
        plan.clock,
        plan.web_connections,
        stack,
        plan.open_socket,
    )
    if served is not None:
        alerts.desk.on_change(served.web.feed.alerts_changed)
    return served


def _after_commit(alerts: Alerting, origins: OriginSearch, web: WebServer | None, tally: Tally) -> AfterCommit:
    """Whoever hears of what has been committed."""
    return AfterCommit(
        alerts.scheduler,
        alerts.chain_watch,
        alerts.cause_watch,
        alerts.phantom_watch,
        alerts.pause_watch,
        alerts.stall_watch,
        alerts.routers.liquidity,
        origins,
        web.feed.transfers_changed if web else None,
        tally,
    )


def _checkers(
    observed: ObservedChains,
    durations: PathwayDurations,
    store: Store,
    listener: AfterCommit,
    labels: ChainLabels,
    clock: AgreedClock,
    alerts: Alerting,
) -> list[Part]:
    """The checker of what is observed, and the one of history."""
    checker, history = (
        TransferChecker(queue, store, legs, listener, labels, clock, alerts.desk.route, patient=True)
        # What began before the watch gets no deadlines, as with a backfill.
        for queue, legs in ((observed.live, durations), (observed.past, no_deadlines))
    )
    return [
        Part("transfer checker", checker.run, drain=checker.drain),
        Part("history checker", history.run, drain=history.drain),
    ]


def _before_stop(store: Store, web: WebServer | None) -> None:
    if web is not None:
        web.stopping()
    store.database.end()


def _of_owner(plan: TermPlan, desk: AlertDesk, sights: OwnSights) -> list[Part]:
    """What an instance has among others only."""
    if plan.turn is None or plan.handover_watch is None:
        return []
    owner_watch = OwnerWatch(desk, plan.owners, plan.clock)
    return [Part("owner watch", owner_watch.run), Part("handover watch", plan.handover_watch(sights).run)]
