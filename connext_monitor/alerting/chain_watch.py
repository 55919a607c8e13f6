"""Alerts when a chain is out of sight or the legs due on it cannot be judged, and when that is over.

One alert speaks for every deadline that waits for the chain.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.chains import VisibleChain
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED, UnobservedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import DomainId
from connext_monitor.core.hindrance import Obstacle
from connext_monitor.core.unjudged import Unjudged

_SHORTEST_PAUSE = 0.25
"""The shortest time, in seconds, between two looks at the chains."""

_AFTER_FAILURE = 1.0

_AFTER_OUTAGE = 30.0
"""Seconds that judging takes to catch up after an outage of the store."""

_NOT_SEEN_YET = 5.0
"""Seconds between two looks at a chain of which nothing has been covered since the start."""

_RECOUNT_EVERY = 10.0
"""Seconds between two counts of the deadlines that wait for a chain out of sight."""

_OUTAGES = frozenset({Obstacle.NOT_COVERED, Obstacle.READS_HISTORY, Obstacle.ORIGIN_NOT_READ})
"""What keeps legs from being judged for some moments after every outage of a chain, and belongs to that outage."""

log = structlog.get_logger()


class UnjudgedView(Protocol):
    """Knows the legs that are past due and have not been judged."""

    def of(self, domain: DomainId) -> Unjudged | None:
        """Those due on a chain, if one of them has waited for too long."""
        ...

    def nothing_waits(self, domain: DomainId) -> bool:
        """Whether the store has been read, and no leg due on the chain waits for longer than judging takes."""
        ...

    def settled(self, domain: DomainId) -> bool:
        """Whether no leg due on the chain waits for longer than judging takes, or has lately."""
        ...


class ChainWatch:
    """Opens `chain_unobserved`.

    It opens when a chain's covered head has not risen for ``unobserved_after`` seconds, or a leg due on it has been
    past due and unjudged for as long. An outage of the store, which has worked for ``store_works_for`` seconds now, is
    not the chain's fault: while it lasts nothing is covered or judged, and the database watch reports it.
    """

    def __init__(
        self,
        desk: AlertDesk,
        chains: Mapping[DomainId, VisibleChain],
        waiting: Callable[[DomainId], int],
        unjudged: UnjudgedView,
        unobserved_after: float,
        clock: Clock,
        store_works_for: Callable[[], float] = lambda: inf,
        recount_every: float = _RECOUNT_EVERY,
    ) -> None:
        self._store_works_for = store_works_for
        self._chains = chains
        self._waiting = waiting
        self._unjudged = unjudged
        self._unobserved_after = unobserved_after
        self._clock = clock
        self._alerts = StandingAlerts(desk, CHAIN_UNOBSERVED)
        self._failures = StepFailures("chain_watch.failed")
        self._recount_every = recount_every
        self._wake = asyncio.Event()
        self._is_looking = False

    def progressed(self) -> None:
        """Some chain's coverage has moved."""
        # During a look it may concern the very alert that is being opened.
        if self._alerts or self._is_looking:
            self._wake.set()

    def unjudged_changed(self) -> None:
        """Something has changed about unjudged legs."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(
            self._unobserved_after,
            self._look,
            failed="chain_watch.failed",
            after_failure=_AFTER_FAILURE,
            woken=self._wake,
        )

    async def _look(self) -> float:
        """Seconds to the next look."""
        self._is_looking = True
        try:
            await self._look_at_all()
        finally:
            self._is_looking = False
        return self._until_next()

    async def _look_at_all(self) -> None:
        await self._alerts.recall({chain.name for chain in self._chains.values()})
        for domain, chain in self._chains.items():
            # What fails for one chain keeps no other from being alerted about.
            with self._failures.survive(chain.name):
                await self._look_at(domain, chain)

    async def _look_at(self, domain: DomainId, chain: VisibleChain) -> None:
        if chain.name not in self._alerts:
            silent = self._silent_for(chain) >= self._unobserved_after
            unjudged = self._unjudged.of(domain) is not None and self._store_works_for() >= _AFTER_OUTAGE
            if silent or unjudged:
                await self._out_of_sight(domain, chain)
            return
        # It speaks for all that wait: for more and more, the longer it lasts.
        await self._keep_up(self._alerts[chain.name], domain, chain)
        if chain.observed and self._is_over(chain.name, domain):
            await self._alerts.resolve(chain.name, Resolution.OBSERVED)
            log.info("chain.observed_again", chain=chain.name)

    def _is_over(self, name: str, domain: DomainId) -> bool:
        """Whether the legs that the chain's alert speaks for are judged; what comes and goes must have stayed away."""
        outage = CHAIN_UNOBSERVED.details_of(self._alerts[name]).unjudged is None
        return self._unjudged.nothing_waits(domain) if outage else self._unjudged.settled(domain)

    def _silent_for(self, chain: VisibleChain) -> float:
        return min(chain.silent_for, self._store_works_for())

    async def _keep_up(self, alert: Alert, domain: DomainId, chain: VisibleChain) -> None:
        """Keep with the alert what it is about now."""
        details = self._details_now(alert, domain, chain)
        if details != alert.details:
            await self._alerts.change_details(chain.name, details)

    def _details_now(self, alert: Alert, domain: DomainId, chain: VisibleChain) -> UnobservedDetails:
        details = CHAIN_UNOBSERVED.details_of(alert)
        unjudged, alerted = self._unjudged.of(domain), details.unjudged
        if chain.silent_for >= self._unobserved_after:
            outage = details if alerted is None else self._details(domain, chain)
            return outage.replace(waiting=self._count(domain))
        if unjudged is not None and (alerted or unjudged.hindrance.obstacle not in _OUTAGES):
            # How long the first has waited stays what it was when the alert opened.
            return UnobservedDetails.of(replace(unjudged, waited_for=alerted.waited_for) if alerted else unjudged)
        # Those that have been judged by now had waited for it too.
        return details.replace(waiting=max(self._waiting(domain), details.waiting))

    def _count(self, domain: DomainId) -> int:
        unjudged = self._unjudged.of(domain)
        return max(self._waiting(domain), unjudged.legs if unjudged else 0)

    async def _out_of_sight(self, domain: DomainId, chain: VisibleChain) -> None:
        details = self._details(domain, chain)
        await self._alerts.open(CHAIN_UNOBSERVED.open(chain.name, self._clock.now(), details))
        log.warning("chain.unobserved", chain=chain.name, reason=details.why)

    def _details(self, domain: DomainId, chain: VisibleChain) -> UnobservedDetails:
        unjudged = self._unjudged.of(domain)
        if unjudged is not None and chain.silent_for < self._unobserved_after:
            return UnobservedDetails.of(unjudged)
        return UnobservedDetails(
            silent_for=round(chain.silent_for),
            waiting=self._count(domain),
            why=chain.trouble or "its head does not rise",
        )

    def _until_next(self) -> float:
        in_sight = [chain for chain in self._chains.values() if chain.name not in self._alerts]
        soonest = min((self._unobserved_after - self._silent_for(c) for c in in_sight), default=self._unobserved_after)
        if not all(chain.observed for chain in in_sight):
            # What it was silent for before the start may count at any moment.
            soonest = min(soonest, _NOT_SEEN_YET, self._unobserved_after / 4)
        return max(_SHORTEST_PAUSE, min(soonest, self._recount_every) if self._alerts else soonest)
