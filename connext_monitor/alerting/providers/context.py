"""What every provider is built with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from connext_monitor.alerting.http.client import OpenSender, Sender, http_sender
from connext_monitor.alerting.http.timing import FIRST_TIMEOUT
from connext_monitor.clock import Clock
from connext_monitor.core.labels import ChainLabels

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What providers are built with: what chains are called, time and waiting for it, the terminal and the network.

    ``console`` None means stdout; ``first_timeout`` is how long a first response may take (seconds),
    ``longest_send`` how long a message may take where nothing but the provider can end it, None as long
    as the provider likes.
    """

    labels: ChainLabels
    clock: Clock
    console: "Console | None" = None
    first_timeout: float = FIRST_TIMEOUT
    longest_send: float | None = None
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    open_sender: OpenSender = http_sender

    def sender(self) -> Sender:
        """What one provider sends with; its own, to be closed by it."""
        return self.open_sender(self.clock, self.first_timeout)


def warn(event: str, **values: object) -> None:
    """Log what the people who run the monitor should know about a channel."""
    structlog.get_logger().warning(event, **values)
