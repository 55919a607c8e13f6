"""Logs the failures of a chain's endpoints: each one once, and again only after a while."""

from collections.abc import Sequence
from typing import Protocol

from connext_monitor.clock import Clock

_SAID_AGAIN_AFTER = 600.0


class Log(Protocol):
    """Where failures are logged."""

    def info(self, event: str, **values: object) -> object:
        """Good news."""
        ...

    def warning(self, event: str, **values: object) -> object:
        """Bad news."""
        ...


class FailureLog:
    """Gathers what fails at the start, and once no endpoint is left, into a line for the whole chain."""

    def __init__(self, log: Log, endpoints: int, clock: Clock) -> None:
        self._log = log
        self._endpoints = endpoints
        self._clock = clock
        self._reached = False
        self._failing: dict[int, str] = {}
        self._said_at: dict[tuple[str, str], float] = {}

    def failed(self, index: int, reason: str) -> None:
        """The endpoint with this index in the config failed; the reason names its host."""
        self._failing[index] = reason
        if 1 < self._endpoints == len(self._failing):
            self._say("chain.not_reached", [self._failing[index] for index in sorted(self._failing)])
        elif self._reached or self._endpoints == 1:
            self._say("endpoint.failed", [reason])
        # Else the chain has not been reached yet, and the endpoints that are left will show whether it can be.

    def works(self, host: str) -> None:
        """The endpoint with this host name does what it should."""
        self._reached = True
        if self._failing:
            if not self._said_at:
                for _, reason in sorted(self._failing.items()):
                    self._say("endpoint.failed", [reason])
            self._log.info("endpoint.works", endpoint=host)
        self._failing.clear()
        self._said_at.clear()

    def _say(self, event: str, reasons: Sequence[str]) -> None:
        words, now = "; ".join(dict.fromkeys(reasons)), self._clock.monotonic()
        if now - self._said_at.get((event, words), -_SAID_AGAIN_AFTER) >= _SAID_AGAIN_AFTER:
            self._said_at[event, words] = now
            self._log.warning(event, reason=words)
