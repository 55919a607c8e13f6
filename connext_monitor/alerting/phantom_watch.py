"""Accuses deliveries that have no origin, once the origin's nonces prove it and the origin itself says so too."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertKind, phantom_delivery
from connext_monitor.core.coverage import Coverage, Nonces
from connext_monitor.core.deadline import Leg, done
from connext_monitor.core.events import BlockNumber, DomainId, Timestamp, TransferId
from connext_monitor.core.phantom import PhantomVerdict, judge_delivery
from connext_monitor.core.selection import Suspect, Watched
from connext_monitor.core.unjudged import Hindrance, Obstacle, Unjudged

_LOOK_EVERY = 2.0
_ASKED_BACK = 3600

log = structlog.get_logger()


class SuspectStore(Protocol):
    """What the phantom watch reads and writes."""

    async def suspects(self, origin: DomainId) -> list[Suspect]:
        """The deliveries said to be of this origin, of nonces from the first one watched, without an XCalled."""
        ...

    async def nonces(self, domain: DomainId) -> Nonces | None:
        """What is known of an origin's nonces."""
        ...

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far a chain has been read."""
        ...

    async def watched(self, transfer_id: TransferId) -> Watched | None:
        """One transfer."""
        ...

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...

    async def open_overdue(
        self,
        transfer_id: TransferId,
        decide: Callable[[Watched | None], Alert | None],
        providers: Callable[[Alert], Collection[str]],
    ) -> Alert | None:
        """Open what ``decide`` makes of the transfer within one transaction; None where that is nothing new."""
        ...

    async def resolve_alert(self, alert_id: str, resolution: str, at: datetime) -> bool:
        """Resolve an alert, and queue that news."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A delivery that is not accused because a chain does not answer, ``since`` some time on the monotonic clock."""

    domain: DomainId
    since: float
    hindrance: Hindrance


class PhantomWatch:
    """Opens `phantom_delivery`, and resolves it when the origin is found or a reorg takes the delivery back."""

    def __init__(
        self,
        store: SuspectStore,
        chains: Mapping[DomainId, Destination],
        route: Callable[[Alert], Collection[str]],
        told: Callable[[], None],
        clock: Clock,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._store = store
        self._chains = chains
        self._route = route
        self._told = told
        self._clock = clock
        self._every = every
        self._settled_at: dict[TransferId, BlockNumber] = {}
        self._looked_for: set[TransferId] = set()
        self._open: dict[TransferId, Alert] = {}
        self._held: dict[TransferId, _Held] = {}

    def held(self, domain: DomainId) -> Unjudged | None:
        """The deliveries that would be accused if this chain could be asked about them."""
        held = [one for one in self._held.values() if one.domain == domain]
        if not held:
            return None
        first = min(held, key=lambda one: one.since)
        return Unjudged(0, int(self._clock.monotonic() - first.since), first.hindrance, len(held))

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        while True:
            try:
                told = await self._store.open_alerts(AlertKind.PHANTOM_DELIVERY)
                self._open = {alert.transfer_id: alert for alert in told if alert.transfer_id is not None}
                for alert in told:
                    await self._look_again(alert)
                suspected: set[TransferId] = set()
                for origin in self._chains:
                    suspected |= await self._look_at(origin)
                self._held = {one: held for one, held in self._held.items() if one in suspected}
            except Exception:
                log.exception("phantom_watch.failed")
            await asyncio.sleep(self._every)

    async def _look_again(self, alert: Alert) -> None:
        watched = await self._store.watched(alert.transfer_id) if alert.transfer_id else None
        if watched is not None and watched.transfer.xcalled is None and watched.transfer.executed is not None:
            return
        resolution = "origin_found" if watched and watched.transfer.xcalled else "reorged"
        if await self._store.resolve_alert(alert.id, resolution, self._clock.now()):
            log.info("phantom.resolved", alert=alert.id, resolution=resolution)
            self._told()

    async def _look_at(self, origin: DomainId) -> set[TransferId]:
        """Accuse those said to be of this origin that are proven; those of them that chains are to confirm."""
        proven: set[TransferId] = set()
        suspects = await self._store.suspects(origin)
        reached = await self._store.coverage(origin) if suspects else None
        if reached is None or reached.covered is None:
            return proven
        nonces = await self._store.nonces(origin)
        for suspect in suspects:
            if suspect.transfer_id in self._open:
                continue
            settled = self._is_settled(suspect, reached)
            verdict = judge_delivery(suspect.nonce, nonces, suspect.holder_block, reached.checkpoint, settled=settled)
            if verdict.accuses and settled:
                proven.add(suspect.transfer_id)
                await self._accuse(origin, suspect, verdict)
        return proven

    def _is_settled(self, suspect: Suspect, reached: Coverage) -> bool:
        """Whether the origin is final past where it stood when it was first covered past the delivery's time.

        By its height, because two chains' clocks may differ, and by its time, because its endpoint may have been
        behind when the delivery came.
        """
        if suspect.transfer_id not in self._settled_at:
            if reached.covered is None or reached.covered.timestamp <= suspect.executed_at:
                return False
            self._settled_at[suspect.transfer_id] = reached.covered.number
        return reached.checkpoint >= self._settled_at[suspect.transfer_id]

    async def _is_delivered(self, transfer_id: TransferId) -> bool:
        """Whether the delivery itself is more than what an endpoint has pushed.

        Its block has been covered, and the destination's contract, asked, says that it executed the transfer.
        """
        watched = await self._store.watched(transfer_id)
        executed = watched.transfer.executed if watched else None
        destination = self._chains.get(watched.transfer.destination) if watched else None
        if watched is None or executed is None or destination is None:
            return False
        reached = await self._store.coverage(watched.transfer.destination)
        if reached is None or reached.covered is None or reached.covered.number < executed.block.number:
            if transfer_id not in self._looked_for:
                self._looked_for.add(transfer_id)
                destination.look(executed.block.timestamp)
            return False
        status = await destination.transfer_status(transfer_id)
        if status is None:
            self._hold(
                transfer_id, watched.transfer.destination, f"transferStatus is not answered: {_why(destination)}"
            )
            return False
        return done(Leg.EXECUTE, status)

    def _hold(self, transfer_id: TransferId, domain: DomainId, words: str) -> None:
        before = self._held.get(transfer_id)
        since = before.since if before and before.domain == domain else self._clock.monotonic()
        self._held[transfer_id] = _Held(domain, since, Hindrance(Obstacle.NOT_ANSWERED, words))

    async def _accuse(self, origin: DomainId, suspect: Suspect, verdict: PhantomVerdict) -> None:
        if not await self._is_delivered(suspect.transfer_id):
            return
        # As with every absence: who could know is asked, and an XCalled that is found is recorded instead.
        since = Timestamp(suspect.executed_at - _ASKED_BACK)
        found = await self._chains[origin].fetch_events(suspect.transfer_id, since)
        if found is None:
            self._hold(suspect.transfer_id, origin, f"its events cannot be fetched: {_why(self._chains[origin])}")
        if found is not False:
            return
        self._held.pop(suspect.transfer_id, None)
        at = self._clock.now()

        def decide(watched: Watched | None) -> Alert | None:
            transfer = watched.transfer if watched else None
            if transfer is None or transfer.xcalled is not None or transfer.executed is None:
                return None
            pathway = (transfer.origin, transfer.destination)
            holder = suspect.holder if verdict is PhantomVerdict.HELD else None
            held = verdict is PhantomVerdict.HELD
            return phantom_delivery(suspect.transfer_id, at, pathway, nonce=suspect.nonce, holder=holder, held=held)

        alert = await self._store.open_overdue(suspect.transfer_id, decide, self._route)
        if alert is not None:
            self._open[suspect.transfer_id] = alert
            log.error("phantom.found", alert=alert.id, reason=verdict.value)
            self._told()


def _why(chain: Destination) -> str:
    return chain.unanswered or "no endpoint answers"
