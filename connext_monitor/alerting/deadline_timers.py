"""One timer of the event loop for each deadline that comes near."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from connext_monitor.alerting.waiting_legs import LegKey, key_of
from connext_monitor.core.deadline import Awaited
from connext_monitor.core.events import DomainId

HORIZON = 3600.0
"""Seconds ahead for which timers are armed; what is due later is loaded as it comes near."""

_STEP = 2.0
"""If this time moves by so many seconds more or less than the loop's, timers are armed anew: block times vary too."""


@dataclass(frozen=True, slots=True)
class _Timer:
    handle: asyncio.TimerHandle
    awaited: Awaited


class DeadlineTimers:
    """``time`` is the time on a destination (Unix seconds); ``due`` is called when it is past a deadline there."""

    def __init__(self, time: Callable[[DomainId], float], due: Callable[[Awaited], None]) -> None:
        self._time = time
        self._due = due
        self._timers: dict[LegKey, _Timer] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def __contains__(self, key: LegKey) -> bool:
        return key in self._timers

    def arm(self, awaited: Awaited) -> None:
        """Await the leg, if it is due within the horizon."""
        delay = awaited.due_at - self._time(awaited.destination)
        if delay <= HORIZON:
            handle = asyncio.get_running_loop().call_later(max(0.0, delay), self._fire, awaited)
            self._timers[key_of(awaited)] = _Timer(handle, awaited)

    def cancel(self, key: LegKey) -> None:
        """Await it no longer."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.handle.cancel()

    def arm_anew(self, domains: Collection[DomainId]) -> None:
        """The time on these destinations has moved differently from the timers' own."""
        for timer in list(self._timers.values()):
            if timer.awaited.destination in domains:
                self.cancel(key_of(timer.awaited))
                self.arm(timer.awaited)

    def _fire(self, awaited: Awaited) -> None:
        # A timer's callback only wakes the task: an exception in here would reach nobody.
        self._timers.pop(key_of(awaited), None)
        self._due(awaited)


class ClockSteps:
    """Notices where the time on a destination moves differently from that of the loop's timers.

    A clock was set, the machine slept, the program was stopped, or the chain's block times jumped.
    """

    def __init__(self, time: Callable[[DomainId], float]) -> None:
        self._time = time
        self._ahead: dict[DomainId, float] = {}

    def since_last(self, domain: DomainId) -> float:
        """By how many seconds it has done so since this was last noticed; 0 where it is steady."""
        ahead = self._time(domain) - asyncio.get_running_loop().time()
        before = self._ahead.setdefault(domain, ahead)
        if abs(ahead - before) <= _STEP:
            return 0.0
        self._ahead[domain] = ahead
        return abs(ahead - before)
