"""An instance that waits for the work: it answers from the database, and says where that cannot be used."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NoReturn

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.database_watch import DatabaseWatch
from connext_monitor.alerting.outage_announcer import OutageAnnouncer
from connext_monitor.alerting.providers.configured import subscriptions
from connext_monitor.assembly.serving import build_served, start_web
from connext_monitor.assembly.term import TermPlan
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.cluster.handover import Probe, SightStore, SightWatch
from connext_monitor.cluster.member import Member
from connext_monitor.config import ChainConfig, Config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import handover_times
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.monitoring.probe import ChainProbe
from connext_monitor.process.parts import Part
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.store.monitor_lock import lock_of
from connext_monitor.store.store import Store

_CHAINS_LOOKED_AT_EVERY = 2.0


async def build_standby(
    stack: AsyncExitStack, plan: TermPlan, store: Store, member: Member, desk: SightStore
) -> Sequence[Part]:
    """What runs while the instance waits; the stack lets go of it. Raises ListenError."""
    config, clock = plan.config, plan.clock
    chains = _StoredChains(config, store)
    labels = chain_labels(config)
    tally = Tally({chain.domain_id: chain.name for chain in config.chains.values()}, config.alert_providers)
    served = build_served(
        config,
        store,
        tally,
        chains.statuses,
        lambda: 0,
        lambda: (),
        labels,
        RouterChecks({router.address: router.name for router in config.routers.values()}),
        clock,
        plan.web_connections,
        stack,
        plan.open_socket,
        lambda: [reason] if (reason := member.why_unowned()) is not None else [],
    )
    if served is not None:
        await chains.look()
        await start_web(served.web, stack)
        stack.callback(served.web.stopping)
    channels = [configured.provider for configured in plan.providers]
    bulletin = Bulletin(channels, subscriptions(plan.providers, labels), labels, clock)
    announcer = OutageAnnouncer(bulletin, lock_of(config.monitor.database).note, clock)
    watch = DatabaseWatch(_SeenDatabase(member), announcer, _NoArchive(), clock, plan.outside.looks.database)
    shown = [Part("chains", chains.run), *served.parts()] if served else []
    return [
        Part("database watch", watch.run),
        Part("sight watch", _sight_watch(plan, store, member, desk).run),
        *shown,
    ]


def _sight_watch(plan: TermPlan, store: Store, member: Member, desk: SightStore) -> SightWatch:
    outside = plan.outside

    def probe(chain: ChainConfig) -> Probe:
        looks = ChainProbe(chain, outside.open_endpoint, plan.clock, outside.random)

        async def look() -> BlockNumber | None:
            coverage = await store.chains.coverage(chain.domain_id)
            return await looks.head(coverage.covered.number if coverage and coverage.covered else None)

        return look

    probes = {name: probe(chain) for name, chain in plan.config.chains.items()}
    looks = outside.looks
    return SightWatch(
        member.me, desk, probes, lambda: member.sight_wanted, looks.lease, looks.sight, handover_times(plan.config)
    )


class _StoredChains:
    """The chains as the instance that owns the work has left them in the database."""

    def __init__(self, config: Config, store: Store) -> None:
        self._chains = list(config.chains.values())
        self._store = store
        self._statuses: list[ChainStatus] = []

    def statuses(self) -> list[ChainStatus]:
        """As they were at the last look."""
        return self._statuses

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        await look_every(_CHAINS_LOOKED_AT_EVERY, self.look, failed="standby.failed")

    async def look(self) -> None:
        """Read them; where the database is away, they stay as they were."""
        try:
            coverage = {chain.name: await self._store.chains.coverage(chain.domain_id) for chain in self._chains}
            unseen = {alert.subject for alert in await self._store.alerts.open_of_kinds([CHAIN_UNOBSERVED])}
        except StoreUnavailable:
            return
        self._statuses = [
            ChainStatus(
                domain=chain.domain_id,
                name=chain.name,
                chain_id=chain.chain_id,
                head=None,
                coverage=coverage[chain.name],
                observed=chain.name not in unseen,
                caught_up=chain.name not in unseen,
                endpoint=None,
                trouble=None,
            )
            for chain in self._chains
        ]


class _SeenDatabase:
    """The database as looks at the lease find it, each of which writes to it. See `WatchedDatabase`."""

    def __init__(self, member: Member) -> None:
        self._member = member

    @property
    def trouble(self) -> DatabaseTrouble | None:
        return self._member.trouble

    @property
    def proven(self) -> bool:
        return self._member.trouble is None

    async def examine(self) -> None:
        """The looks do."""

    async def aclose(self) -> None:
        """Nothing is under way."""


class _NoArchive:
    """Only the owner of the work writes alerts down."""

    async def keep_ended(self, alert: Alert) -> None:
        """The channels have it."""
