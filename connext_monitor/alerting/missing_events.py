"""Has events looked for that a chain's contract says have happened, and that have not been read (promise 5, a gap)."""

import asyncio
from collections.abc import Callable
from math import inf

import structlog

from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.waiting_legs import LegKey, WaitingLeg, WaitingLegs
from connext_monitor.core.absence import Evidence
from connext_monitor.core.events import Timestamp
from connext_monitor.core.hindrance import Hindrance, Obstacle

_CLOCK_SKEW = 3600
"""Seconds before XCalled from which on the event is looked for: two chains' clocks may differ."""
_CONTRACT_SAYS = "its contract says that a leg has happened"

log = structlog.get_logger()


async def close_gap(chain: JudgedChain, key: LegKey, started_at: Timestamp, *, first: bool) -> bool | None:
    """Have the event of a leg looked for of which the chain says that it has happened; whether any was recorded.

    None if the chain cannot be asked now. ``started_at`` is when the transfer began (Unix seconds); ``first``: the gap
    has not been reported before.
    """
    transfer_id, leg = key
    about = {"transfer": f"0x{transfer_id.hex()}", "leg": leg.value, "chain": chain.name}
    if first:
        log.warning("gap.found", **about)
    recorded = await chain.fetch_events(transfer_id, Timestamp(started_at - _CLOCK_SKEW))
    if not recorded:
        log.error("gap.not_closed", answered=recorded is not None, **about)
    return recorded


class MissingEvents:
    """Looks for the events of one destination, beside the judging of its other legs: that may take minutes."""

    def __init__(
        self, chain: JudgedChain, legs: WaitingLegs, pace: JudgingPace, failed: Callable[[WaitingLeg], None]
    ) -> None:
        """``failed`` is called within the handler of an exception."""
        self._chain = chain
        self._legs = legs
        self._pace = pace
        self._failed = failed
        self._at_once = asyncio.Semaphore(pace.fetched_at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def fetch(self, leg: WaitingLeg, evidence: Evidence) -> None:
        """Begin to look for the leg's event."""
        leg.not_before = inf
        leg.hindrance = Hindrance(Obstacle.EVENT_MISSING, f"{_CONTRACT_SAYS}, and its event is still being looked for")
        started_at = Timestamp(evidence.transfer.started_at) if evidence.transfer else leg.awaited.due_at
        task = asyncio.create_task(self._fetch(leg, started_at), name="a missing event is looked for")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Look for nothing any more."""
        for task in self._tasks:
            task.cancel()

    async def _fetch(self, leg: WaitingLeg, started_at: Timestamp) -> None:
        try:
            async with self._at_once:
                await self._fetch_now(leg, started_at)
        except Exception:  # noqa: BLE001 - logged as all faults in judging are
            self._failed(leg)

    async def _fetch_now(self, leg: WaitingLeg, started_at: Timestamp) -> None:
        recorded = await close_gap(self._chain, leg.key, started_at, first=not leg.fetches)
        leg.hindrance = Hindrance(Obstacle.EVENT_MISSING, f"{_CONTRACT_SAYS}, and {self._why_missing(recorded)}")
        # What is recorded and leaves the gap as it was, a delivery of something else for one, is not fetched at once.
        self._legs.postpone(leg, self._pace.pause_after_fetch(recorded, leg.fetches))
        leg.fetches += 1

    def _why_missing(self, recorded: bool | None) -> str:
        if recorded is None:
            return self._chain.unanswered or "no endpoint answers"
        return "what endpoints show is a different event" if recorded else "no endpoint shows the event"
