"""Accuses deliveries that have no origin, once the origin's nonces prove it and the origin itself says so too."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.held_deliveries import HeldDeliveries
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.phantom_delivery import PHANTOM_DELIVERY, PhantomDetails, holder_of
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage, Nonces
from connext_monitor.core.deadline import Leg, TransferWithDeadlines, done
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Timestamp, TransferId
from connext_monitor.core.phantom import PhantomVerdict, judge_delivery
from connext_monitor.core.recording import Changes
from connext_monitor.core.selection import Suspect
from connext_monitor.core.unjudged import Unjudged

_LOOK_EVERY = 2.0
_REST = 60.0
"""Seconds between two looks while no delivery is suspected: each that is stored without an origin wakes the watch."""
_CLOCK_SKEW = 3600
"""Seconds by which two chains' clocks may differ: an XCalled is looked for from so long before its delivery on."""

log = structlog.get_logger()


class SuspectStore(Protocol):
    """What the phantom watch reads."""

    async def suspects(self, origin: DomainId) -> list[Suspect]:
        """The deliveries said to be of this origin, of nonces from the first one watched, without an XCalled."""
        ...

    async def nonces(self, domain: DomainId) -> Nonces | None:
        """What is known of an origin's nonces."""
        ...

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far a chain has been read."""
        ...

    async def by_id(self, transfer_id: TransferId) -> TransferWithDeadlines | None:
        """One transfer."""
        ...


@dataclass(slots=True)
class _Suspicion:
    """What is remembered of a delivery for as long as it is suspected.

    ``settled_at`` is where its origin stood when that was first covered past its time; ``looked_for`` is whether its
    own block has been asked for. It was ``proven_before`` for so many seconds when this program started.
    """

    settled_at: BlockNumber | None = None
    looked_for: bool = False
    proven_before: float = 0.0


class PhantomWatch:
    """Opens `phantom_delivery`, and resolves it when the origin is found or a reorg takes the delivery back."""

    def __init__(
        self,
        store: SuspectStore,
        chains: Mapping[DomainId, JudgedChain],
        desk: AlertDesk,
        clock: Clock,
        every: float = _LOOK_EVERY,
        rest: float = _REST,
    ) -> None:
        self._store = store
        self._chains = chains
        self._desk = desk
        self._clock = clock
        self._every = every
        self._rest = max(every, rest)
        self._woken = asyncio.Event()
        self._suspicions: dict[DomainId, dict[TransferId, _Suspicion]] = {}
        self._final: dict[DomainId, BlockRef] = {}
        self._covered_before: dict[DomainId, Timestamp] | None = None
        """Up to where each chain had been covered before this program started."""
        self._suspected = False
        self._alerted: set[TransferId] = set()
        self._touches, self._reviewed = 1, 0
        """How often something has happened to what is accused, and up to which of these it was reviewed."""
        self._reviewed_at = -inf
        self._proven: dict[DomainId, set[TransferId]] = {}
        self._held = HeldDeliveries(clock)
        self._failures = StepFailures("phantom_watch.failed")

    def held(self, domain: DomainId) -> Unjudged | None:
        """The deliveries that would be accused if this chain could be asked about them."""
        return self._held.because_of(domain)

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="phantom_watch.failed", woken=self._woken)

    def committed(self, changes: Changes, progress: Sequence[ChainProgress]) -> None:
        """Look soon, where a delivery may be suspected now, or something has happened to an accused one.

        That is one stored without an origin, perhaps before it was known where the watch of its chains began.
        """
        self._final.update((chain.domain, chain.anchor) for chain in progress if chain.anchor is not None)
        doubtful = any(transfer.xcalled_at is None for transfer in changes.transfers) or any(map(_begins, progress))
        touched = [*(transfer.transfer_id for transfer in changes.transfers), *changes.vanished]
        accused = not self._alerted.isdisjoint(touched)
        self._touches += accused
        if doubtful or accused:
            self._woken.set()

    async def _look(self) -> float:
        """Seconds to the next look."""
        if self._covered_before is None:
            self._covered_before = await self._recall()
        if self._reviewed < self._touches or self._clock.monotonic() - self._reviewed_at >= self._rest:
            await self._review_open()
        self._suspected = False
        for origin in self._chains:
            with self._failures.survive(origin):
                self._proven[origin] = await self._look_at(origin)
                continue
            self._suspected = True
        self._held.keep_only(set[TransferId]().union(*self._proven.values()))
        return self._every if self._suspected else self._rest

    async def _recall(self) -> dict[DomainId, Timestamp]:
        reached = {domain: await self._store.coverage(domain) for domain in self._chains}
        return {domain: its.covered.timestamp for domain, its in reached.items() if its and its.covered}

    async def _review_open(self) -> None:
        touches, failed = self._touches, False
        alerts = await self._desk.open_alerts(PHANTOM_DELIVERY)
        self._alerted = {alert.transfer_id for alert in alerts if alert.transfer_id is not None}
        for alert in alerts:
            with self._failures.survive(alert.id):
                await self._look_again(alert)
                continue
            failed = True
        if not failed:
            self._reviewed, self._reviewed_at = touches, self._clock.monotonic()

    async def _look_again(self, alert: Alert) -> None:
        stored = await self._store.by_id(alert.transfer_id) if alert.transfer_id else None
        if stored is not None and stored.transfer.xcalled is None and stored.transfer.executed is not None:
            return
        resolution = Resolution.ORIGIN_FOUND if stored and stored.transfer.xcalled else Resolution.REORGED
        if await self._desk.resolve(alert, resolution):
            log.info("phantom.resolved", alert=alert.id, resolution=resolution)

    async def _look_at(self, origin: DomainId) -> set[TransferId]:
        """Accuse those said to be of this origin that are proven; those of them that chains are to confirm."""
        proven: set[TransferId] = set()
        suspects = [each for each in await self._store.suspects(origin) if each.transfer_id not in self._alerted]
        before = self._suspicions.get(origin, {})
        suspicions = {each.transfer_id: before.get(each.transfer_id) or _Suspicion() for each in suspects}
        self._suspicions[origin] = suspicions
        reached = await self._store.coverage(origin) if suspects else None
        if reached is None or reached.covered is None:
            return proven
        nonces = await self._store.nonces(origin)
        for suspect in suspects:
            self._suspected = True
            suspicion = suspicions[suspect.transfer_id]
            settled = self._is_settled(origin, suspect, suspicion, reached)
            verdict = judge_delivery(suspect.nonce, nonces, suspect.holder_block, reached.checkpoint, settled=settled)
            if verdict.accuses and settled:
                proven.add(suspect.transfer_id)
                suspicion.proven_before = self._proven_before(origin, suspect, reached)
                await self._confirm(origin, suspect, suspicion, verdict)
        return proven

    def _is_settled(self, origin: DomainId, suspect: Suspect, suspicion: _Suspicion, reached: Coverage) -> bool:
        """Whether the origin is final past where it stood when it was first covered past the delivery's time.

        By its height, because two chains' clocks may differ, and by its time, because its endpoint may have been
        behind when the delivery came. Where the origin stood then is known to this process only, and the next one
        takes a later block for it: however often the monitor is restarted, what is final past all that clocks may
        differ by is enough.
        """
        final = self._final.get(origin)
        is_final = final is not None and final.number <= reached.checkpoint
        if final is not None and is_final and final.timestamp > suspect.executed_at + _CLOCK_SKEW:
            return True
        if suspicion.settled_at is None:
            if reached.covered is None or reached.covered.timestamp <= suspect.executed_at:
                return False
            suspicion.settled_at = reached.covered.number
        return reached.checkpoint >= suspicion.settled_at

    def _proven_before(self, origin: DomainId, suspect: Suspect, reached: Coverage) -> float:
        """Seconds for which, when this program started, a delivery was proven however chains' clocks differ."""
        final, covered = self._final.get(origin), reached.covered
        covered_before = (self._covered_before or {}).get(origin)
        if final is None or covered is None or covered_before is None:
            return 0.0
        final_before = covered_before - (covered.timestamp - final.timestamp)
        return max(0.0, final_before - (suspect.executed_at + _CLOCK_SKEW))

    async def _confirm(
        self, origin: DomainId, suspect: Suspect, suspicion: _Suspicion, verdict: PhantomVerdict
    ) -> None:
        """Accuse the delivery if its own chain confirms it and its origin, asked, has no XCalled of it."""
        delivered = await self._is_delivered(suspect.transfer_id, suspicion)
        if not delivered or not await self._is_without_origin(origin, suspect, suspicion):
            return
        self._held.release(suspect.transfer_id)
        decide = partial(_accusation, suspect, verdict, self._clock.now())
        for alert in await self._desk.open_decided([(suspect.transfer_id, decide)]):
            self._alerted.add(suspect.transfer_id)
            log.error("phantom.found", alert=alert.id, reason=verdict.value)

    async def _is_delivered(self, transfer_id: TransferId, suspicion: _Suspicion) -> bool:
        """Whether the delivery itself is more than what an endpoint has pushed.

        Its block has been covered, and the destination's contract, asked, says that it executed the transfer.
        """
        stored = await self._store.by_id(transfer_id)
        destination = self._chains.get(stored.transfer.destination) if stored else None
        if stored is None or destination is None or not await self._is_covered(stored, destination, suspicion):
            return False
        status = await destination.transfer_status(transfer_id)
        if status is None:
            reason = f"transferStatus is not answered: {_why(destination)}"
            self._held.hold(transfer_id, stored.transfer.destination, reason, suspicion.proven_before)
            return False
        return done(Leg.EXECUTE, status)

    async def _is_covered(self, stored: TransferWithDeadlines, destination: JudgedChain, suspicion: _Suspicion) -> bool:
        """Whether the block of the delivery has been covered; it is asked for, once, where it has not been."""
        transfer, executed = stored.transfer, stored.transfer.executed
        if executed is None:
            return False
        reached = await self._store.coverage(transfer.destination)
        if reached is not None and reached.covered is not None and reached.covered.number >= executed.block.number:
            return True
        if not suspicion.looked_for:
            suspicion.looked_for = True
            destination.cover_past(executed.block.timestamp)
        return False

    async def _is_without_origin(self, origin: DomainId, suspect: Suspect, suspicion: _Suspicion) -> bool:
        """As with every absence, the origin is asked; an XCalled that is found there is recorded instead."""
        chain = self._chains[origin]
        has_events = await chain.fetch_events(suspect.transfer_id, Timestamp(suspect.executed_at - _CLOCK_SKEW))
        if has_events is None:
            reason = f"its events cannot be fetched: {_why(chain)}"
            self._held.hold(suspect.transfer_id, origin, reason, suspicion.proven_before)
        return has_events is False


def _begins(chain: ChainProgress) -> bool:
    """Whether it is known only now where the watch of a chain, or of its nonces, began."""
    return chain.first_nonce is not None or (chain.since is not None and chain.since.covered is None)


def _accusation(
    suspect: Suspect, verdict: PhantomVerdict, at: datetime, stored: TransferWithDeadlines | None
) -> Alert | None:
    """Decided once more on what stands within the transaction: the origin may have been found meanwhile."""
    transfer = stored.transfer if stored else None
    if transfer is None or transfer.xcalled is not None or transfer.executed is None:
        return None
    details = PhantomDetails(
        origin=transfer.origin,
        destination=transfer.destination,
        nonce=str(suspect.nonce),
        holder=holder_of(suspect.holder) if verdict is PhantomVerdict.HELD else None,
    )
    return PHANTOM_DELIVERY.open(suspect.transfer_id, at, details)


def _why(chain: JudgedChain) -> str:
    return chain.unanswered or "no endpoint answers"
