"""Alerts when a bridge is paused, and when it is unpaused.

The contract is asked at the start, and whenever a pause or its end is covered or taken back; at rest it is not.
"""

import asyncio
from collections.abc import Mapping
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.kinds.bridge_paused import BRIDGE_PAUSED, BridgePausedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_records import BridgeChanges
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.formats import hex_text
from connext_monitor.core.selection import BridgeEventFilter, BridgeEventPage

_ASKED_AGAIN_AFTER = (0.1, 5.0)
"""Seconds after which a chain that could not be asked is asked again: at first, and doubled each time up to this."""
_REST = 3600.0
"""Seconds between two looks while nothing is to be asked, unless woken."""
_PAUSED, _UNPAUSED = "Paused", "Unpaused"

log = structlog.get_logger()


class PausableChain(Protocol):
    """A chain whose bridge can be paused."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    async def paused_when_covered(self, number: BlockNumber) -> bool | None:
        """Whether its diamond is paused after the last covered block.

        None if that is below ``number``, or old, or if it cannot be asked now.
        """
        ...


class PauseStore(Protocol):
    """What is stored of a bridge's events."""

    async def listed(self, which: BridgeEventFilter, *, limit: int) -> BridgeEventPage:
        """At most ``limit`` of them, newest first."""
        ...


class PauseWatch:
    """Opens `bridge_paused` for each chain whose contract says so at a covered block."""

    def __init__(
        self,
        desk: AlertDesk,
        chains: Mapping[DomainId, PausableChain],
        store: PauseStore,
        clock: Clock,
    ) -> None:
        self._chains = chains
        self._store = store
        self._clock = clock
        self._alerts = StandingAlerts(desk, BRIDGE_PAUSED)
        self._failures = StepFailures("pause_watch.failed")
        self._to_ask = dict.fromkeys(chains, BlockNumber(0))
        """The chains that are to be asked, and the block that must be covered by then."""
        self._again_after = _ASKED_AGAIN_AFTER[0]
        self._reorged: set[DomainId] = set()
        self._wake = asyncio.Event()

    def committed(self, changes: BridgeChanges) -> None:
        """Ask the chains of which a pause or its end was covered or taken back."""
        for record in changes.covered:
            if record.event.kind in {_PAUSED, _UNPAUSED}:
                self._reorged.discard(record.domain)
                self._ask(record)
        for stored in changes.removed:
            if stored.record.event.kind in {_PAUSED, _UNPAUSED}:
                self._reorged.add(stored.record.domain)
                self._ask(stored.record)

    def _ask(self, record: BridgeRecord) -> None:
        if record.domain in self._chains:
            # By number: what has just been committed is heard of here before the chain counts it as covered.
            self._owes(record.domain, record.block.number)
            self._again_after = _ASKED_AGAIN_AFTER[0]
            self._wake.set()

    def _owes(self, domain: DomainId, number: BlockNumber) -> None:
        self._to_ask[domain] = max(number, self._to_ask.get(domain, number))

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        longest = _ASKED_AGAIN_AFTER[1]
        await look_every(_REST, self._look, failed="pause_watch.failed", after_failure=longest, woken=self._wake)

    async def _look(self) -> float:
        """Seconds to the next look."""
        await self._alerts.recall({chain.name for chain in self._chains.values()})
        for domain, number in sorted(self._to_ask.items()):
            # What fails for one chain keeps no other from being alerted about.
            with self._failures.survive(self._chains[domain].name):
                await self._look_at(domain, self._chains[domain], number)
        if not self._to_ask:
            return _REST
        pause, self._again_after = self._again_after, min(_ASKED_AGAIN_AFTER[1], 2 * self._again_after)
        return pause

    async def _look_at(self, domain: DomainId, chain: PausableChain, number: BlockNumber) -> None:
        del self._to_ask[domain]  # what is covered or taken back from now on asks again
        taken_back = domain in self._reorged
        self._reorged.discard(domain)
        paused = None
        try:
            paused = await chain.paused_when_covered(number)
            if paused is True and chain.name not in self._alerts:
                await self._alerts.open(BRIDGE_PAUSED.open(chain.name, self._clock.now(), await self._details(domain)))
                log.warning("bridge.paused", chain=chain.name)
            elif paused is False and chain.name in self._alerts:
                await self._alerts.resolve(chain.name, Resolution.REORGED if taken_back else Resolution.UNPAUSED)
                log.info("bridge.unpaused", chain=chain.name)
        except BaseException:
            self._owes_again(domain, number, taken_back=taken_back)
            raise
        if paused is None:
            self._owes_again(domain, number, taken_back=taken_back)

    def _owes_again(self, domain: DomainId, number: BlockNumber, *, taken_back: bool) -> None:
        if taken_back and domain not in self._to_ask:  # else something has happened since
            self._reorged.add(domain)
        self._owes(domain, number)

    async def _details(self, domain: DomainId) -> BridgePausedDetails:
        """Where the pause stands, unless its end was seen after it."""
        paused, unpaused = [await self._newest(domain, kind) for kind in (_PAUSED, _UNPAUSED)]
        if paused is None or (unpaused is not None and _position(unpaused) > _position(paused)):
            return BridgePausedDetails(domain=domain)
        return BridgePausedDetails(domain=domain, tx_hash=hex_text(paused.tx_hash), paused_at=paused.block.timestamp)

    async def _newest(self, domain: DomainId, kind: str) -> BridgeRecord | None:
        page = await self._store.listed(BridgeEventFilter(domain, kind), limit=1)
        return page.records[0] if page.records else None


def _position(record: BridgeRecord) -> tuple[int, int]:
    return record.block.number, record.log_index
