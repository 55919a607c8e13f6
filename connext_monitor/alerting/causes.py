"""Finds out what is known of why a leg is late, by a few quick questions that hold up no alert for long."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import structlog

from connext_monitor.alerting.execution_simulator import CallerStore, ExecutionSimulator, SimulatedChain
from connext_monitor.alerting.question_limits import LookBudget, SharedAnswers
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.cause import (
    Cause,
    Findings,
    RouterBids,
    of_bids,
    of_pause,
    of_side_events,
    of_sight,
    of_simulation,
    of_transfer,
    state_to_simulate,
)
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Pathway, Timestamp, TransferId
from connext_monitor.core.side_events import DESTINATION_TOPICS, ORIGIN_TOPICS, SeenSideEvent
from connext_monitor.core.transfer import Transfer

LATELY = 6 * 3600
"""Seconds back that a pathway is searched for what its routers did."""

_ANSWERED_WITHIN = 1.0
"""Seconds that an alert waits for what is known of its cause, and no longer."""
_SIMULATED_WITHIN = 5.0
"""Seconds that a simulation may take where no alert waits for it."""
_LEFT_ALONE_FOR = 15.0
"""Seconds that a chain which took too long is left alone."""

log = structlog.get_logger()


class CauseSource(SimulatedChain, Protocol):
    """A chain that can be asked about a transfer's circumstances."""

    @property
    def observed(self) -> bool:
        """Whether its covered head has risen lately."""
        ...

    async def paused(self) -> bool | None:
        """Whether its diamond is paused; None where it cannot be asked now."""
        ...

    async def side_events(
        self, transfer_id: TransferId, topics: Sequence[bytes], since: Timestamp
    ) -> list[SeenSideEvent] | None:
        """What was done about a transfer besides its legs since then; None where it cannot be asked now."""
        ...


class BidStore(CallerStore, Protocol):
    """Where it is stored what routers and relayers have done."""

    async def bids(self, pathway: Pathway, since: int, lately: int) -> RouterBids:
        """What routers made of the transfers that began on a pathway since then (Unix seconds)."""
        ...


class CauseFinder:
    """Looks for the causes of late legs. What cannot be known within a second is left out."""

    def __init__(self, store: BidStore, chains: Mapping[DomainId, CauseSource], clock: Clock) -> None:
        self._store = store
        self._chains = chains
        self._simulator = ExecutionSimulator(store, chains)
        self._clock = clock
        self._answers = SharedAnswers(clock)
        self._budget = LookBudget(clock)
        self._left_alone_until: dict[DomainId, float] = {}

    async def find(self, transfer: Transfer, leg: Leg, *, known: Sequence[Cause] | None = None) -> Findings:
        """What can be known of it; never fails, and takes a second at most where an alert waits for it.

        ``known`` is what the leg's alert knows already; None where it is about to open.
        """
        findings = of_transfer(transfer, leg) + of_sight(self._unobserved(transfer))
        if leg is Leg.RECONCILE:
            # A paused diamond takes messages, and neither fee nor slippage matters to them.
            return findings
        questions = [
            self._ask(None, partial(self._bids, transfer, alerted=known is not None)),
            self._ask(transfer.destination, partial(self._pause, transfer.destination)),
        ]
        if self._budget.take():
            questions += self._looks_at(transfer)
            if (state := state_to_simulate(transfer, known or ())) is not None:
                within = _ANSWERED_WITHIN if known is None else _SIMULATED_WITHIN
                questions.append(self._ask(None, partial(self._simulation, transfer, state), within))
        return sum(await asyncio.gather(*questions), start=findings)

    async def side_findings(self, transfer: Transfer) -> Findings:
        """What was done about a transfer besides its legs, and whether its call failed; within a second.

        Never fails.
        """
        if not self._budget.take():
            return Findings()
        return sum(await asyncio.gather(*self._looks_at(transfer)), start=Findings())

    def _unobserved(self, transfer: Transfer) -> list[DomainId]:
        ends = (transfer.origin, transfer.destination)
        return [domain for domain in ends if domain in self._chains and not self._chains[domain].observed]

    def _looks_at(self, transfer: Transfer) -> list[Coroutine[Any, Any, Findings]]:
        ends = ((transfer.origin, ORIGIN_TOPICS), (transfer.destination, DESTINATION_TOPICS))
        return [self._ask(domain, partial(self._side_events, domain, transfer, topics)) for domain, topics in ends]

    async def _ask(
        self,
        domain: DomainId | None,
        question: Callable[[], Coroutine[Any, Any, Findings]],
        within: float = _ANSWERED_WITHIN,
    ) -> Findings:
        """The answer, or nothing; a chain that was too slow is left alone for a while."""
        if domain is not None and self._clock.monotonic() < self._left_alone_until.get(domain, 0.0):
            return Findings()
        try:
            async with asyncio.timeout(within):
                return await question()
        except TimeoutError:
            if domain is not None:
                self._left_alone_until[domain] = self._clock.monotonic() + _LEFT_ALONE_FOR
        except Exception:
            log.exception("cause.not_looked_for")
        return Findings()

    async def _pause(self, domain: DomainId) -> Findings:
        chain = self._chains.get(domain)
        paused = await self._answers.shared(domain, chain.paused) if chain else None
        return Findings() if paused is None else of_pause(domain, paused=paused)

    async def _bids(self, transfer: Transfer, *, alerted: bool) -> Findings:
        pathway = (transfer.origin, transfer.destination)
        since = int(self._clock.now().timestamp()) - LATELY
        bids = await self._answers.shared(pathway, partial(self._store.bids, pathway, since, LATELY))
        # The leg whose alert is about to open counts as well.
        more = 0 if alerted or transfer.started_at < since else 1
        return of_bids(replace(bids, without=bids.without + more))

    async def _simulation(self, transfer: Transfer, state: str) -> Findings:
        simulated = await self._simulator.simulate(transfer)
        return Findings() if simulated is None else of_simulation(simulated, state)

    async def _side_events(self, domain: DomainId, transfer: Transfer, topics: Sequence[bytes]) -> Findings:
        chain = self._chains.get(domain)
        if chain is None:
            return Findings()
        events = await chain.side_events(transfer.transfer_id, topics, Timestamp(transfer.started_at)) or []
        # An xcall that pays a fee says so in its own transaction.
        sent = transfer.xcalled.tx_hash if transfer.xcalled else None
        return of_side_events([side.event for side in events if side.tx_hash != sent], transfer)
