"""Alerts on the other channels when one stops taking messages, and when it takes them again."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import NoReturn

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.kinds.provider_failing import PROVIDER_FAILING, ProviderFailingDetails
from connext_monitor.core.alerts.resolution import Resolution

PATIENCE = 60.0
"""Seconds for which a channel may fail before an alert opens: a restart or a busy minute pages nobody."""
_FAIR_CHANCE = 10.0
"""Seconds that a channel which failed before a restart has to take something after it."""
_LOOK_EVERY = 600.0
"""Seconds between two looks while no channel is in trouble: each change wakes it."""
_AFTER_FAULT = 1.0
_FLAPS_WITHIN = 3600.0
"""Seconds. A channel that fails again so soon after a recovery has to stay well for a while before the next one."""
_LONGEST_PROOF = 3600.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A channel that has taken nothing ``since`` then; ``dead`` once it refuses for good.

    That may have been before this program started, to which it has refused something since ``met``; both are on the
    monotonic clock.
    """

    since: float
    met: float
    reason: str
    dead: bool


@dataclass(slots=True)
class _Record:
    """When a channel last recovered, and how often in a row it failed again soon after."""

    recovered_at: float
    relapses: int = 0


class ProviderWatch:
    """Opens `provider_failing` when a channel refuses for good or has failed for a minute, however often we start.

    It is `recovered` as soon as it takes a message; after a relapse, once it has failed in nothing for a minute, and
    after each further one for twice as long: one that takes a message now and then is alerted about once.
    """

    def __init__(self, desk: AlertDesk, providers: Collection[str], clock: Clock, patience: float = PATIENCE) -> None:
        self._desk = desk
        self._providers = frozenset(providers)
        self._clock = clock
        self._patience = patience
        self._troubles: dict[str, _Trouble] = {}
        self._well: dict[str, float] = {}  # since when, on the monotonic clock
        self._records: dict[str, _Record] = {}
        self._alerts = StandingAlerts(desk, PROVIDER_FAILING)
        self._changed = asyncio.Event()

    def took(self, provider: str) -> None:
        """The channel has taken a message."""
        self._troubles.pop(provider, None)
        self._well.setdefault(provider, self._clock.monotonic())
        self._changed.set()

    def failed(self, provider: str, reason: str, *, dead: bool, since: datetime) -> None:
        """The channel has not taken a message, as it has not ``since`` then, and never will where it is ``dead``."""
        self._well.pop(provider, None)
        now = self._clock.monotonic()
        began = now - max(0.0, (self._clock.now() - since).total_seconds())
        trouble = self._troubles.get(provider, _Trouble(began, now, reason, dead))
        self._troubles[provider] = replace(trouble, reason=reason, dead=dead)
        self._changed.set()

    @property
    def failing(self) -> list[str]:
        """The channels that refuse for good or have failed for long enough to be alerted about."""
        now = self._clock.monotonic()
        return [name for name, trouble in self._troubles.items() if self._is_failing(trouble, now)]

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(
            _LOOK_EVERY, self._look, failed="provider_watch.failed", after_failure=_AFTER_FAULT, woken=self._changed
        )

    async def _look(self) -> float:
        """Seconds to the next look."""
        await self._alerts.recall(self._providers)
        now = self._clock.monotonic()
        for name in self._alerts:
            if name in self._well and self._recovers_at(name) <= now:
                await self._recovered(name, now)
        for name, trouble in list(self._troubles.items()):
            if name not in self._alerts and self._is_failing(trouble, now):
                await self._fails(name, trouble)
        return min(self._until_next(), _LOOK_EVERY)

    def _is_failing(self, trouble: _Trouble, now: float) -> bool:
        return trouble.dead or now >= self._fails_at(trouble)

    def _fails_at(self, trouble: _Trouble) -> float:
        return max(trouble.since + self._patience, trouble.met + min(_FAIR_CHANCE, self._patience))

    async def _fails(self, name: str, trouble: _Trouble) -> None:
        details = ProviderFailingDetails(reason=trouble.reason, dead=trouble.dead)
        alert = PROVIDER_FAILING.open(name, self._clock.now(), details)
        await self._alerts.open(alert)
        record = self._records.get(name)
        if record is not None:
            soon = self._clock.monotonic() - record.recovered_at < _FLAPS_WITHIN
            record.relapses = record.relapses + 1 if soon else 0
        log.error("provider.failing", provider=name, reason=trouble.reason, alerted=sorted(self._desk.route(alert)))

    async def _recovered(self, name: str, now: float) -> None:
        await self._alerts.resolve(name, Resolution.RECOVERED)
        self._records.setdefault(name, _Record(now)).recovered_at = now
        log.info("provider.recovered", provider=name)

    def _recovers_at(self, name: str) -> float:
        """From when on a channel that takes everything counts as recovered."""
        relapses = self._records[name].relapses if name in self._records else 0
        proof = self._patience * 2.0 ** (min(relapses, 20) - 1) if relapses else 0.0
        return self._well[name] + min(proof, _LONGEST_PROOF)

    def _until_next(self) -> float:
        fails_at = [self._fails_at(trouble) for name, trouble in self._troubles.items() if name not in self._alerts]
        recovers_at = [self._recovers_at(name) for name in self._alerts if name in self._well]
        return max(0.0, min((*fails_at, *recovers_at), default=inf) - self._clock.monotonic())
