"""Tells on the other channels when one takes nothing, and when it does again."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import NoReturn

import structlog

from connext_monitor.alerting.chain_watch import NamedAlertStore
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertKind, provider_failing

PATIENCE = 60.0
"""Seconds for which a channel may fail before it is told: restarts and busy minutes are nobody's business."""
_LOOK_EVERY = 60.0
_AFTER_FAULT = 1.0
_FLAPS_WITHIN = 3600.0
"""A channel that is told anew so soon after its last recovery has to stay well for a while before the next."""
_LONGEST_PROOF = 3600.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A channel that takes nothing, since then on the clock that is never set; ``dead`` once it refuses for good."""

    since: float
    reason: str
    dead: bool


@dataclass(slots=True)
class _Record:
    """When a channel's last recovery was told, and how often in a row it has failed anew soon after one."""

    recovered_at: float
    relapses: int = 0


class ProviderWatch:
    """Opens `provider_failing` when a channel refuses for good or has failed for a minute.

    It is `recovered` as soon as it takes a message; after a relapse, once it has failed in nothing for a minute, and
    after each further one for twice as long: one that takes a message now and then is told once.
    """

    def __init__(
        self,
        store: NamedAlertStore,
        providers: Collection[str],
        route: Callable[[Alert], Collection[str]],
        told: Callable[[], None],
        clock: Clock,
        patience: float = PATIENCE,
    ) -> None:
        self._store = store
        self._providers = frozenset(providers)
        self._route = route
        self._told = told
        self._clock = clock
        self._patience = patience
        self._troubles: dict[str, _Trouble] = {}
        self._well: dict[str, float] = {}  # since when, on the clock that is never set
        self._records: dict[str, _Record] = {}
        self._open: dict[str, Alert] = {}
        self._changed = asyncio.Event()

    def took(self, provider: str) -> None:
        """The channel has taken a message."""
        self._troubles.pop(provider, None)
        self._well.setdefault(provider, self._clock.monotonic())
        self._changed.set()

    def failed(self, provider: str, reason: str, *, dead: bool) -> None:
        """The channel has not taken a message, and never will where it is ``dead``."""
        self._well.pop(provider, None)
        known = self._troubles.get(provider, _Trouble(self._clock.monotonic(), reason, dead))
        self._troubles[provider] = replace(known, reason=reason, dead=dead)
        self._changed.set()

    @property
    def failing(self) -> list[str]:
        """The channels that refuse for good or have failed for long enough to be told."""
        now = self._clock.monotonic()
        return [name for name, trouble in self._troubles.items() if self._is_bad(trouble, now)]

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        loaded = False
        while True:
            self._changed.clear()
            wait = _AFTER_FAULT
            try:
                if not loaded:
                    told = await self._store.open_alerts(AlertKind.PROVIDER_FAILING)
                    self._open = {alert.subject: alert for alert in told}
                    loaded = True
                await self._look()
                wait = min(self._until_next(), _LOOK_EVERY)
            except Exception:
                log.exception("provider_watch.failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def _look(self) -> None:
        for name in self._open.keys() - self._providers:
            await self._resolve(name, "removed")
        now = self._clock.monotonic()
        for name in self._open.keys() & self._well.keys():
            if self._well_from(name) <= now:
                await self._resolve(name, "recovered")
                self._records.setdefault(name, _Record(now)).recovered_at = now
        for name, trouble in list(self._troubles.items()):
            if name not in self._open and self._is_bad(trouble, now):
                await self._tell(name, trouble)

    def _is_bad(self, trouble: _Trouble, now: float) -> bool:
        return trouble.dead or now - trouble.since >= self._patience

    async def _tell(self, name: str, trouble: _Trouble) -> None:
        alert = provider_failing(name, self._clock.now(), reason=trouble.reason, dead=trouble.dead)
        others = self._route(alert)
        await self._store.open_alert(alert, others)
        self._open[name] = alert
        record = self._records.get(name)
        if record is not None:
            soon = self._clock.monotonic() - record.recovered_at < _FLAPS_WITHIN
            record.relapses = record.relapses + 1 if soon else 0
        log.error("provider.failing", provider=name, reason=trouble.reason, told=sorted(others))
        self._told()

    async def _resolve(self, name: str, resolution: str) -> None:
        await self._store.resolve_alert(self._open[name].id, resolution, self._clock.now())
        del self._open[name]
        log.info("provider.recovered" if resolution == "recovered" else "provider.removed", provider=name)
        self._told()

    def _well_from(self, name: str) -> float:
        """From when on a channel that takes what comes counts as recovered."""
        relapses = self._records[name].relapses if name in self._records else 0
        proof = self._patience * 2.0 ** (min(relapses, 20) - 1) if relapses else 0.0
        return self._well[name] + min(proof, _LONGEST_PROOF)

    def _until_next(self) -> float:
        failed = [one.since + self._patience for name, one in self._troubles.items() if name not in self._open]
        well = map(self._well_from, self._open.keys() & self._well.keys())
        return max(0.0, min((*failed, *well), default=inf) - self._clock.monotonic())
