"""Alerts when a router that somebody answers for executes nothing while others do, and when it fills again.

What it says follows from the store, up to where all of the router's destinations are covered. Only where that would
accuse is anybody asked: the chains, what the router has there. Whatever is not known accuses nobody.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.config import RouterConfig
from connext_monitor.core.alerts.kinds.router_silent import ROUTER_SILENT, RouterSilentDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, BlockRef, DomainId, Pathway, Timestamp
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from connext_monitor.core.router_silence import (
    FilledByOthers,
    LastExecution,
    LocalAsset,
    SilenceRuling,
    fillable,
    last_fill,
    rule_silence,
)

_LOOKED_AT = 200
"""Executions of a pathway that are looked at, the latest sent first."""
_WITHOUT_ROUTERS = 3600.0
"""Seconds between two looks where no router is to be watched: the first one ends what a former config had opened."""

log = structlog.get_logger()


class FillingChain(Protocol):
    """A chain on which routers fill."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def covered(self) -> BlockRef | None:
        """The last block covered; None while the chain is out of sight or catches up."""
        ...

    def cover_past(self, instant: Timestamp) -> None:
        """Have it covered past this instant as soon as it has such a block."""
        ...

    async def watched_since(self) -> Timestamp | None:
        """When its first watched block was made; None while that is not known."""
        ...

    async def router_balances(
        self, holdings: Sequence[RouterAsset], earlier: BlockRef | None = None
    ) -> CoveredBalances | str:
        """What each of these is after the last covered block, or in words why that is not known now."""
        ...


class FillStore(Protocol):
    """What is stored of executions."""

    async def last_by_routers(self) -> list[LastExecution]:
        """The last execution of each pathway by each set of routers, and on the slow path."""
        ...

    async def last_until(self, last: LastExecution, until: Timestamp) -> Timestamp | None:
        """When the same routers executed something on the same pathway last, up to an instant; None if never."""
        ...

    async def by_others(
        self, pathway: Pathway, router: Address, sent_after: Timestamp, most: int
    ) -> list[FilledByOthers]:
        """Transfers on a pathway sent after an instant and executed without the router, the latest sent first."""
        ...


@dataclass(frozen=True, slots=True)
class _Watched:
    """A router whose silence is to be told, and the chains that its pathways begin and end at."""

    config: RouterConfig
    silent_after: int
    origins: frozenset[DomainId]
    destinations: frozenset[DomainId]


class SilenceWatch:
    """Opens `router_silent` for each router that is, and ends it."""

    def __init__(
        self,
        desk: AlertDesk,
        chains: Mapping[DomainId, FillingChain],
        routers: Sequence[RouterConfig],
        store: FillStore,
        labels: ChainLabels,
        clock: Clock,
        *,
        every: float,
    ) -> None:
        self._chains = chains
        self._store = store
        self._labels = labels
        self._clock = clock
        self._every = every
        self._routers = [watched for router in routers if (watched := _watched(router, chains)) is not None]
        self._alerts = StandingAlerts(desk, ROUTER_SILENT)
        self._failures = StepFailures("silence_watch.failed")
        self._trouble: dict[str, str] = {}

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="silence_watch.failed")

    async def _look(self) -> float:
        """Seconds to the next look."""
        await self._alerts.recall({router.config.name for router in self._routers})
        if not self._routers:
            return _WITHOUT_ROUTERS
        executions = await self._store.last_by_routers()
        for router in self._routers:
            # What fails for one router keeps no other from being alerted about.
            with self._failures.survive(router.config.name):
                await self._look_at(router, [done for done in executions if self._is_its(router, done.pathway)])
        return self._every

    def _is_its(self, router: _Watched, pathway: Pathway) -> bool:
        return router.config.fills(*map(self._labels.display_name, pathway))

    async def _look_at(self, router: _Watched, executions: Sequence[LastExecution]) -> None:
        name = router.config.name
        if name in self._alerts:
            await self._end(router, executions)
            return
        covered = self._covered(router)
        if covered is None:
            return
        last = last_fill(executions, router.config.address)
        now = Timestamp(int(self._clock.now().timestamp()))
        if last is not None and last > now - router.silent_after:
            return
        by_others = await self._by_others(router, executions, Timestamp(now - router.silent_after))
        if len(by_others) < router.config.silent_transfers or not await self._has_been_covered(router, by_others, last):
            return
        quiet_since = Timestamp(min(block.timestamp for block in covered.values()) - router.silent_after)
        seen = [done for done in by_others if done.executed_at <= covered[done.destination].timestamp]
        could = await self._fillable(router, seen)
        ruling = rule_silence(
            last, quiet_since, await self._watched_since(router), len(could), router.config.silent_transfers
        )
        if ruling is SilenceRuling.SILENT:
            await self._open(router, quiet_since, last, could)

    async def _end(self, router: _Watched, executions: Sequence[LastExecution]) -> None:
        """End its alert where it has executed something since, in a block that is covered."""
        name = router.config.name
        quiet_since = Timestamp(ROUTER_SILENT.details_of(self._alerts[name]).quiet_since)
        for last in executions:
            if router.config.address in last.routers and await self._is_covered(last, quiet_since):
                await self._alerts.resolve(name, Resolution.FILLING)
                log.info("router.filling", router=name)
                return

    async def _is_covered(self, last: LastExecution, quiet_since: Timestamp) -> bool:
        """Whether this is in a block that is covered, or an earlier one of the same routers since then is.

        Of a router that fills all the time the last execution hardly ever is.
        """
        chain = self._chains.get(last.pathway[1])
        block = None if chain is None else chain.covered
        if block is None or last.at <= quiet_since:
            return False
        at = last.at if last.at <= block.timestamp else await self._store.last_until(last, block.timestamp)
        return at is not None and at > quiet_since

    def _covered(self, router: _Watched) -> dict[DomainId, BlockRef] | None:
        """The covered block of each destination; None where one is out of sight."""
        blocks = {domain: self._chains[domain].covered for domain in router.destinations}
        covered = {domain: block for domain, block in blocks.items() if block is not None}
        return covered if covered and len(covered) == len(blocks) else None

    async def _by_others(
        self, router: _Watched, executions: Sequence[LastExecution], sent_after: Timestamp
    ) -> list[FilledByOthers]:
        pathways = {done.pathway for done in executions if done.at > sent_after}
        address = router.config.address
        return [
            done
            for pathway in sorted(pathways)
            if pathway[1] in router.destinations
            for done in await self._store.by_others(pathway, address, sent_after, _LOOKED_AT)
        ]

    async def _has_been_covered(
        self, router: _Watched, by_others: Sequence[FilledByOthers], last: Timestamp | None
    ) -> bool:
        """Whether what is to be decided by is covered; else it is asked for, as for a leg that is due."""
        enough = sorted(done.executed_at for done in by_others)[router.config.silent_transfers - 1]
        began = max((at for at in (last, await self._watched_since(router)) if at is not None), default=enough)
        until = Timestamp(max(enough, began + router.silent_after))
        behind = [
            chain
            for domain in router.destinations
            if (chain := self._chains[domain]).covered is None or chain.covered.timestamp <= until
        ]
        if until < self._clock.now().timestamp():
            for chain in behind:
                chain.cover_past(until)
        return not behind

    async def _fillable(self, router: _Watched, by_others: Sequence[FilledByOthers]) -> list[FilledByOthers]:
        """Those that it could have filled; none where a chain does not say what it has there."""
        assets: defaultdict[DomainId, set[Address]] = defaultdict(set)
        for done in by_others:
            assets[done.destination].add(done.asset)
        balances: dict[LocalAsset, int] = {}
        for domain, of_chain in assets.items():
            holdings = [(router.config.address, asset) for asset in sorted(of_chain)]
            said = await self._chains[domain].router_balances(holdings)
            self._note_trouble(self._chains[domain].name, said if isinstance(said, str) else None)
            if isinstance(said, str):
                return []
            balances |= {(domain, asset): amount for (_, asset), amount in zip(holdings, said.amounts, strict=True)}
        return fillable(by_others, balances)

    async def _watched_since(self, router: _Watched) -> Timestamp | None:
        """Since when all of its chains are watched: what a backfill read of the time before accuses nobody."""
        began = [await self._chains[domain].watched_since() for domain in router.origins | router.destinations]
        known = [at for at in began if at is not None]
        return max(known) if known and len(known) == len(began) else None

    async def _open(
        self, router: _Watched, quiet_since: Timestamp, last: Timestamp | None, by_others: Sequence[FilledByOthers]
    ) -> None:
        details = RouterSilentDetails(
            address=to_checksum_address(router.config.address),
            quiet_since=quiet_since,
            last_fill=last,
            transfers=len(by_others),
            slow=sum(done.slow for done in by_others),
        )
        await self._alerts.open(ROUTER_SILENT.open(router.config.name, self._clock.now(), details))
        log.warning("router.silent", router=router.config.name, quiet_since=quiet_since)

    def _note_trouble(self, chain: str, reason: str | None) -> None:
        if reason is None:
            self._trouble.pop(chain, None)
        elif self._trouble.get(chain) != reason:
            self._trouble[chain] = reason
            log.warning("router.balances_not_known", chain=chain, reason=reason)


def _watched(router: RouterConfig, chains: Mapping[DomainId, FillingChain]) -> _Watched | None:
    if router.silent_after is None:
        return None
    origins = {
        domain for domain, chain in chains.items() if any(p.origin in {"*", chain.name} for p in router.pathways or ())
    }
    destinations = {
        domain
        for domain, chain in chains.items()
        if any(p.destination in {"*", chain.name} for p in router.pathways or ())
    }
    return _Watched(
        router,
        round(router.silent_after.total_seconds()),
        frozenset(origins if router.pathways else chains),
        frozenset(destinations if router.pathways else chains),
    )
