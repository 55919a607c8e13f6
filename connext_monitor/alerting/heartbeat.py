"""A heartbeat for a dead man's switch, which alerts somebody when the heartbeat stops: a dead program cannot."""

from collections.abc import Callable
from typing import NoReturn

import structlog
from yarl import URL

from connext_monitor.alerting.http.sender import HttpSender
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.config import SecretUrl
from connext_monitor.core.delivery import TryLater

log = structlog.get_logger()


class Heartbeat:
    """Requests ``url`` every so many seconds as long as ``trouble()`` is None; its own failures are only logged."""

    def __init__(self, url: SecretUrl, every: float, trouble: Callable[[], str | None], clock: Clock) -> None:
        self._url = url
        self._every = every
        self._trouble = trouble
        self._sender = HttpSender(clock)
        self._clock = clock
        self._logged_reason: str | None = None

    async def run(self) -> NoReturn:
        """Beat until cancelled."""
        try:
            await look_every(self._every, self.beat, failed="heartbeat.fault")
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._sender.aclose()

    async def beat(self) -> float:
        """Beat once; the seconds to the next beat: its own time is part of the interval."""
        began = self._clock.monotonic()
        self._log_change(await self._send())
        return max(0.0, self._every - (self._clock.monotonic() - began))

    async def _send(self) -> str | None:
        """Send one if all is well; None once it was accepted, else why it was not sent or not accepted."""
        trouble = self._trouble()
        if trouble is not None:
            return f"withheld: {trouble}"
        answer = await self._sender.request("GET", URL(self._url.get_secret_value()), b"", {})
        if isinstance(answer, TryLater):
            return answer.reason
        return None if answer.ok else answer.try_later().reason

    def _log_change(self, reason: str | None) -> None:
        if reason == self._logged_reason:
            return
        self._logged_reason = reason
        if reason is None:
            log.info("heartbeat.sent", url=str(self._url))
        else:
            log.warning("heartbeat.not_sent", url=str(self._url), reason=reason)
