"""Finds out what is known of why a leg is late, by a few quick questions that hold up no alert for long."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.cause import Findings, RouterBids, of_bids, of_pause, of_side_events, of_sight, of_transfer
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.side_events import DESTINATION_TOPICS, ORIGIN_TOPICS, SeenSideEvent
from connext_monitor.core.transfer import Transfer

LATELY = 6 * 3600
"""Seconds that the silence of a pathway's routers is looked for."""

_PATIENCE = 1.0
"""Seconds that an alert waits for what is known of its cause, and no longer."""
_SAME_ANSWER = 1.0
_TIRED = 15.0
"""Seconds that a chain which took too long is left alone."""
_MOST_LOOKS, _LOOK_AGAIN_EVERY = 30, 2.0
"""So many transfers are asked about at once, and one more each two seconds: a burst is not to become a flood."""

Pathway = tuple[DomainId, DomainId]
"""Origin and destination."""

_T = TypeVar("_T")

log = structlog.get_logger()


class Asked(Protocol):
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
        """What was done about a transfer beside its legs since then; None where it cannot be asked now."""
        ...


class BidStore(Protocol):
    """Where it stands what routers have done."""

    async def bids(self, pathway: Pathway, since: int, lately: int) -> RouterBids:
        """What routers made of the transfers that began on a pathway since then (Unix seconds)."""
        ...


class CauseFinder:
    """Looks for the causes of late legs. What cannot be known within a second is left out."""

    def __init__(self, store: BidStore, chains: Mapping[DomainId, Asked], clock: Clock) -> None:
        self._store = store
        self._chains = chains
        self._clock = clock
        self._shared: dict[object, tuple[float, asyncio.Task[Any]]] = {}
        self._tired_until: dict[DomainId, float] = {}
        self._looks, self._looked_at = float(_MOST_LOOKS), clock.monotonic()

    async def find(self, transfer: Transfer, leg: Leg, *, told: bool = False) -> Findings:
        """What can be known of it within a second; never fails. ``told``: the leg's alert has been opened before."""
        pathway = (transfer.origin, transfer.destination)
        found = of_transfer(transfer, leg)
        found += of_sight(
            [domain for domain in pathway if domain in self._chains and not self._chains[domain].observed]
        )
        if leg is Leg.RECONCILE:
            # A paused diamond takes messages, and neither fee nor slippage bears upon them.
            return found
        questions = [self._ask(None, partial(self._bids, transfer, told=told))]
        questions += [self._ask(transfer.destination, partial(self._pause, transfer.destination))]
        if self._may_look():
            questions += self._looks_at(transfer)
        for answer in await asyncio.gather(*questions):
            found += answer
        return found

    async def done_about(self, transfer: Transfer) -> Findings:
        """What was done about a transfer beside its legs, and whether its call failed; within a second, never fails."""
        if not self._may_look():
            return Findings()
        origin, destination = await asyncio.gather(*self._looks_at(transfer))
        return origin + destination

    def _looks_at(self, transfer: Transfer) -> list[Coroutine[Any, Any, Findings]]:
        ends = ((transfer.origin, ORIGIN_TOPICS), (transfer.destination, DESTINATION_TOPICS))
        return [self._ask(domain, partial(self._side_events, domain, transfer, topics)) for domain, topics in ends]

    async def _ask(self, domain: DomainId | None, question: Callable[[], Coroutine[Any, Any, Findings]]) -> Findings:
        """The answer, or nothing; a chain that was too slow is left alone for a while."""
        if domain is not None and self._clock.monotonic() < self._tired_until.get(domain, 0.0):
            return Findings()
        try:
            async with asyncio.timeout(_PATIENCE):
                return await question()
        except TimeoutError:
            if domain is not None:
                self._tired_until[domain] = self._clock.monotonic() + _TIRED
        except Exception:
            log.exception("cause.not_looked_for")
        return Findings()

    async def _pause(self, domain: DomainId) -> Findings:
        chain = self._chains.get(domain)
        paused = await self._same_answer(domain, chain.paused) if chain else None
        return Findings() if paused is None else of_pause(domain, paused=paused)

    async def _bids(self, transfer: Transfer, *, told: bool) -> Findings:
        pathway = (transfer.origin, transfer.destination)
        since = int(self._clock.now().timestamp()) - LATELY
        bids = await self._same_answer(pathway, partial(self._store.bids, pathway, since, LATELY))
        # That which is about to be told of counts as well.
        more = 0 if told or transfer.started_at < since else 1
        return of_bids(replace(bids, without=bids.without + more))

    async def _side_events(self, domain: DomainId, transfer: Transfer, topics: Sequence[bytes]) -> Findings:
        chain = self._chains.get(domain)
        if chain is None:
            return Findings()
        seen = await chain.side_events(transfer.transfer_id, topics, Timestamp(transfer.started_at)) or []
        # An xcall that pays a fee says so in its own transaction.
        sent = transfer.xcalled.tx_hash if transfer.xcalled else None
        return of_side_events([one.event for one in seen if one.tx_hash != sent], transfer)

    async def _same_answer(self, key: object, ask: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """One answer for all who ask within a moment, as a burst does."""
        at, task = self._shared.get(key, (0.0, None))
        now = self._clock.monotonic()
        if task is None or now - at >= _SAME_ANSWER:
            task = asyncio.create_task(ask(), name="a cause is looked for")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._shared[key] = (now, task)
        answer: _T = await asyncio.shield(task)
        return answer

    def _may_look(self) -> bool:
        """Whether one more transfer may be asked about by itself."""
        now = self._clock.monotonic()
        self._looks = min(_MOST_LOOKS, self._looks + (now - self._looked_at) / _LOOK_AGAIN_EVERY)
        self._looked_at = now
        if self._looks < 1:
            return False
        self._looks -= 1
        return True
