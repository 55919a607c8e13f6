"""A sign of life for a dead man's switch: whoever stops hearing it calls somebody, since this program cannot."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import structlog
from yarl import URL

from connext_monitor.alerting.providers.http import HttpSender
from connext_monitor.clock import Clock
from connext_monitor.config import SecretUrl
from connext_monitor.core.delivery import TryLater

log = structlog.get_logger()


class Heartbeat:
    """Asks for ``url`` every so many seconds, as long as ``trouble`` says None; its own failures are only logged."""

    def __init__(self, url: SecretUrl, every: float, trouble: Callable[[], str | None], clock: Clock) -> None:
        self._url = url
        self._every = every
        self._trouble = trouble
        self._sender = HttpSender(clock)
        self._clock = clock
        self._said: str | None = None

    async def run(self) -> NoReturn:
        """Beat until cancelled."""
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    self._say(await self._beat())
                except Exception:
                    log.exception("heartbeat.fault")
                await asyncio.sleep(max(0.0, self._every - (self._clock.monotonic() - began)))
        finally:
            await self._sender.aclose()

    async def _beat(self) -> str | None:
        """Send one if all is well; why it was not sent or not taken, else None."""
        trouble = self._trouble()
        if trouble is not None:
            return f"withheld: {trouble}"
        answer = await self._sender.request("GET", URL(self._url.get_secret_value()), b"", {})
        if isinstance(answer, TryLater):
            return answer.reason
        return None if answer.ok else answer.try_later().reason

    def _say(self, reason: str | None) -> None:
        if reason == self._said:
            return
        self._said = reason
        if reason is None:
            log.info("heartbeat.sent", to=str(self._url))
        else:
            log.warning("heartbeat.not_sent", to=str(self._url), reason=reason)
