"""Tells on the other channels when one takes nothing, and when it does again."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

import structlog

from connext_monitor.alerting.chain_watch import NamedAlertStore
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertKind, provider_failing

PATIENCE = 60.0
"""Seconds for which a channel may fail before it is told: restarts and busy minutes are nobody's business."""
_LOOK_EVERY = 60.0
_AFTER_FAULT = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A channel that takes nothing, since then on the clock that is never set; ``dead`` once it refuses for good."""

    since: float
    reason: str
    dead: bool


class ProviderWatch:
    """Opens `provider_failing` when a channel refuses for good or has failed for a minute."""

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
        self._well: set[str] = set()
        self._open: dict[str, Alert] = {}
        self._changed = asyncio.Event()

    def took(self, provider: str) -> None:
        """The channel has taken a message."""
        self._troubles.pop(provider, None)
        self._well.add(provider)
        self._changed.set()

    def failed(self, provider: str, reason: str, *, dead: bool) -> None:
        """The channel has not taken a message, and never will where it is ``dead``."""
        self._well.discard(provider)
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
            wait = _LOOK_EVERY
            try:
                if not loaded:
                    told = await self._store.open_alerts(AlertKind.PROVIDER_FAILING)
                    self._open = {alert.subject: alert for alert in told}
                    loaded = True
                await self._look()
                wait = self._until_next()
            except Exception:
                log.exception("provider_watch.failed")
                wait = _AFTER_FAULT
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def _look(self) -> None:
        for name in self._open.keys() - self._providers:
            await self._resolve(name, "removed")
        for name in self._open.keys() & self._well:
            await self._resolve(name, "recovered")
        now = self._clock.monotonic()
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
        log.error("provider.failing", provider=name, reason=trouble.reason, told=sorted(others))
        self._told()

    async def _resolve(self, name: str, resolution: str) -> None:
        await self._store.resolve_alert(self._open[name].id, resolution, self._clock.now())
        del self._open[name]
        log.info("provider.recovered" if resolution == "recovered" else "provider.removed", provider=name)
        self._told()

    def _until_next(self) -> float:
        now = self._clock.monotonic()
        due = (one.since + self._patience - now for name, one in self._troubles.items() if name not in self._open)
        return max(0.0, min(due, default=_LOOK_EVERY))
