"""What the API and the pages are made from."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connext_monitor.clock import Clock
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.clock_agreement import ClockState
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.reporting.web.health import StandbyReasons
from connext_monitor.reporting.web.read_store import ReadStore


@dataclass(frozen=True, slots=True)
class WebSources:
    """What is read for an answer.

    ``statuses`` gives the chains as they are at that moment; callers take ``turns`` at the store; ``clock_state`` says
    how the machine's clock compares with the chains'; ``checks`` are routers' balances beside their books. ``standby``
    is there where this instance waits for the work, and says why nobody may own it.
    """

    store: ReadStore
    statuses: Callable[[], Sequence[ChainStatus]]
    labels: ChainLabels
    clock: Clock
    turns: asyncio.Semaphore
    clock_state: Callable[[], ClockState]
    checks: RouterChecks = field(default_factory=RouterChecks)
    standby: StandbyReasons | None = None

    def now(self) -> float:
        """The time of day (Unix seconds)."""
        return self.clock.now().timestamp()
