"""What the config says about deadlines, groups and beginnings, in the core's terms."""

from datetime import timedelta
from functools import cache
from hashlib import sha256
from math import ceil

from connext_monitor.config import Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.deadline import Durations, Leg, PathwayDurations
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.handover import HandoverTimes
from connext_monitor.core.ownership import LeaseTimes
from connext_monitor.core.stalls import StallRule, StallRules


def pathway_durations(config: Config) -> PathwayDurations:
    """The config's deadlines by domain id; None where the destination is not a configured chain."""
    labels = chain_labels(config)
    watched = {chain.domain_id for chain in config.chains.values()}

    @cache
    def durations(origin: DomainId, destination: DomainId) -> Durations | None:
        if destination not in watched:
            return None
        deadlines = config.alerts.deadlines(labels.display_name(origin), labels.display_name(destination))
        return Durations(_seconds(deadlines.execute), _seconds(deadlines.reconcile))

    return durations


def stall_rules(config: Config) -> StallRules:
    """When a pathway is stalled, by domain id; None where one of its ends is not a configured chain."""
    names = {chain.domain_id: name for name, chain in config.chains.items()}

    @cache
    def of_pathway(origin: DomainId, destination: DomainId) -> StallRule | None:
        if origin not in names or destination not in names:
            return None
        transfers, after = config.alerts.stall(names[origin], names[destination])
        return StallRule(transfers, _seconds(after))

    return of_pathway


def no_deadlines(_origin: DomainId, _destination: DomainId) -> None:
    """The deadlines of transfers that began before the watch: nobody promised anything about them."""


def first_blocks(config: Config) -> dict[DomainId, BlockNumber]:
    """The first block to watch of every chain that has a number for it in the config."""
    return {
        chain.domain_id: BlockNumber(chain.start_block)
        for chain in config.chains.values()
        if chain.start_block != "latest"
    }


def lease_times(config: Config) -> LeaseTimes:
    """What follows from how long the owner of the work may be silent."""
    return LeaseTimes(config.cluster.takeover_after.total_seconds())


def handover_times(config: Config) -> HandoverTimes:
    """What follows from how long a chain may be out of sight before that is alerted."""
    return HandoverTimes(config.alerts.unobserved_after.total_seconds())


def config_hash(config: Config) -> str:
    """Stands for all that must be alike where instances share a database; nothing secret is in it, nor any address."""
    chains = [
        (name, chain.chain_id, chain.domain_id, chain.contract, chain.finality, chain.start_block)
        for name, chain in sorted(config.chains.items())
    ]
    channels = [
        (name, *(provider.get(key) for key in ("type", "min_severity", "pathways", "reports")))
        for name, provider in sorted(config.alert_providers.items())
    ]
    routers = sorted(config.routers.items())
    alike = (chains, channels, routers, config.alerts, config.stats, config.monitor.keep, config.cluster.takeover_after)
    return sha256(repr(alike).encode()).hexdigest()[:16]


def escalations(config: Config) -> dict[Leg, float]:
    """How long after its deadline each leg's alert becomes critical and is delivered anew (seconds), where it does."""
    after = {Leg.EXECUTE: config.alerts.execute_critical_after, Leg.RECONCILE: config.alerts.reconcile_critical_after}
    return {leg: lasting.total_seconds() for leg, lasting in after.items() if lasting is not None}


def group_rules(config: Config) -> GroupRules:
    """How bursts of alerts are grouped."""
    return GroupRules(config.alerts.group_wait.total_seconds(), config.alerts.group_interval.total_seconds())


def _seconds(duration: timedelta) -> int:
    # Block times are whole seconds; a fraction would only be rounded by the comparison.
    return ceil(duration.total_seconds())
