"""The alerting of a monitor: the desk, what opens and ends alerts there, and what delivers them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from connext_monitor.alerting.accusations import FindCauses
from connext_monitor.alerting.active_silences import ActiveSilences
from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.arrival_watch import ArrivalWatch
from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.cause_watch import CauseWatch
from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.alerting.chain_watch import ChainWatch
from connext_monitor.alerting.change_watch import ChangeWatch
from connext_monitor.alerting.database_watch import DatabaseWatch
from connext_monitor.alerting.escalation import Escalation
from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.outage_announcer import OutageAnnouncer
from connext_monitor.alerting.pause_watch import PauseWatch
from connext_monitor.alerting.phantom_watch import PhantomWatch
from connext_monitor.alerting.provider_watch import ProviderWatch
from connext_monitor.alerting.providers.configured import ConfiguredProvider, subscriptions
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.alerting.stall_watch import StallWatch
from connext_monitor.alerting.unjudged_watch import UnjudgedWatch
from connext_monitor.alerting.worker import Rests, SendFence
from connext_monitor.assembly.housekeeping import report_delivery
from connext_monitor.assembly.outside import LookIntervals, Outside
from connext_monitor.assembly.router_watches import RouterWatches, watch_routers
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.config.rules import escalations, group_rules, stall_rules
from connext_monitor.core.alerts.cause import Cause, merged
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer
from connext_monitor.monitoring.token_reader import TokenReader
from connext_monitor.observed_chain import ObservedChain
from connext_monitor.process.parts import Part
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.store.examiner import Examiner
from connext_monitor.store.monitor_lock import MonitorLock, mark_of
from connext_monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class Alerting:
    """All ``parts`` that alert, in the order of their start; and those of them that other parts of the program need."""

    parts: Sequence[Part]
    desk: AlertDesk
    provider_watch: ProviderWatch
    cause_watch: CauseWatch
    phantom_watch: PhantomWatch
    pause_watch: PauseWatch
    stall_watch: StallWatch
    routers: RouterWatches
    chain_watch: ChainWatch
    unjudged: UnjudgedWatch
    scheduler: AlertScheduler


async def build_alerting(
    config: Config,
    providers: Sequence[ConfiguredProvider],
    store: Store,
    lock: MonitorLock,
    chains: Mapping[DomainId, ObservedChain],
    tokens: TokenReader,
    labels: ChainLabels,
    clock: AgreedClock,
    tally: Tally,
    outside: Outside,
    fence: SendFence,
) -> Alerting:
    """The alerting about these chains. Raises StoreUnavailable."""
    unobserved_after, looks = config.alerts.unobserved_after.total_seconds(), outside.looks
    desk, silences = await _desk(config, providers, store, labels, clock, looks)
    provider_watch = ProviderWatch(desk, [configured.provider.name for configured in providers], clock)
    finder = CauseFinder(store.causes, chains, clock)
    scheduler = _scheduler(store, chains, desk, partial(_find_causes, tokens, finder), clock, looks)
    phantoms = PhantomWatch(store.suspects, chains, desk, clock, every=looks.phantoms, rest=looks.without_suspects)
    legs, names = store.unjudged, {domain: chain.name for domain, chain in chains.items()}
    unjudged = UnjudgedWatch(legs, desk, scheduler, phantoms.held, names, unobserved_after, clock, every=looks.unjudged)
    cause_watch = CauseWatch(store.transfers, store.causes, finder, desk, clock, every=looks.causes)
    chain_watch = ChainWatch(
        desk, chains, scheduler.waiting, unjudged, unobserved_after, clock, lambda: store.database.condition.works_for
    )
    pauses = PauseWatch(desk, chains, store.bridge, clock)
    stalls = _stall_watch(config, store, chains, desk, clock, looks)
    routers = watch_routers(config, store, chains, desk, tokens, labels, clock, looks)
    manager = _manager(config, providers, store, provider_watch, desk, labels, clock, tally, outside, fence)
    # What delivers starts before what opens alerts.
    parts = [
        Part("database watch", _database_watch(providers, store, lock, desk, labels, clock, outside).run),
        Part("alert manager", manager.run, patient=True),
        Part("silences", partial(silences.run, desk)),
        Part("escalation", Escalation(desk, escalations(config), clock, clock.latest, every=looks.escalation).run),
        Part("change watch", ChangeWatch(desk, silences.acknowledge, clock, every=looks.escalation).run),
        *(Part("pause watch", pauses.run), Part("stall watch", stalls.run)),
        *routers.parts(),
        *(Part("provider watch", provider_watch.run), Part("cause watch", cause_watch.run)),
        Part("arrival watch", ArrivalWatch(store.deadlines, chains, clock, every=looks.arrivals).run),
        Part("phantom watch", phantoms.run),
        Part("chain watch", chain_watch.run),
        Part("unjudged watch", partial(unjudged.run, chain_watch.unjudged_changed)),
        Part("alert scheduler", scheduler.run),
    ]
    return Alerting(
        parts, desk, provider_watch, cause_watch, phantoms, pauses, stalls, routers, chain_watch, unjudged, scheduler
    )


async def _desk(
    config: Config,
    providers: Sequence[ConfiguredProvider],
    store: Store,
    labels: ChainLabels,
    clock: AgreedClock,
    looks: LookIntervals,
) -> tuple[AlertDesk, ActiveSilences]:
    """The desk, which already knows the silences; what is open agrees with the config."""
    silences = ActiveSilences(store.silences, labels, clock, clock.settled, every=looks.silences)
    await silences.load()
    desk = AlertDesk(store.alerts, subscriptions(providers, labels), clock, silences.cover)
    await desk.end_removed({chain.domain_id: chain.name for chain in config.chains.values()})
    return desk, silences


def _stall_watch(
    config: Config,
    store: Store,
    chains: Mapping[DomainId, ObservedChain],
    desk: AlertDesk,
    clock: AgreedClock,
    looks: LookIntervals,
) -> StallWatch:
    names, rules = {domain: chain.name for domain, chain in chains.items()}, stall_rules(config)
    return StallWatch(desk, chains, names, store.stalls, rules, clock, clock.latest, every=looks.stalls)


async def _find_causes(tokens: TokenReader, finder: CauseFinder, transfer: Transfer, leg: Leg) -> tuple[Cause, ...]:
    _, findings = await asyncio.gather(tokens.enrich(transfer), finder.find(transfer, leg))
    return merged((), findings)


def _scheduler(
    store: Store,
    chains: Mapping[DomainId, ObservedChain],
    desk: AlertDesk,
    find_causes: FindCauses,
    clock: AgreedClock,
    looks: LookIntervals,
) -> AlertScheduler:
    return AlertScheduler(
        store.deadlines,
        chains,
        desk,
        find_causes,
        clock,
        latest=clock.latest,
        follows_clocks_every=looks.clocks,
        loads_every=looks.deadlines,
    )


def _manager(
    config: Config,
    providers: Sequence[ConfiguredProvider],
    store: Store,
    health: ProviderWatch,
    desk: AlertDesk,
    labels: ChainLabels,
    clock: AgreedClock,
    tally: Tally,
    outside: Outside,
    fence: SendFence,
) -> AlertManager:
    channels = [configured.provider for configured in providers]
    reports = report_delivery(store, providers, labels, outside.draw)
    manager = AlertManager(
        store.outbox,
        channels,
        labels,
        group_rules(config),
        health,
        clock,
        outside.random,
        tally.delivered,
        reports,
        Rests(outside.looks.deliveries, outside.looks.clocks),
        fence,
    )
    desk.on_change(manager.wake)
    return manager


def _database_watch(
    providers: Sequence[ConfiguredProvider],
    store: Store,
    lock: MonitorLock,
    desk: AlertDesk,
    labels: ChainLabels,
    clock: AgreedClock,
    outside: Outside,
) -> DatabaseWatch:
    bulletin = Bulletin([configured.provider for configured in providers], desk.route, labels, clock)
    examiner = Examiner(store.database, mark_of(lock, store.database, outside.random))
    announcer = OutageAnnouncer(bulletin, lock.note, clock)
    return DatabaseWatch(examiner, announcer, desk, clock, outside.looks.database)
