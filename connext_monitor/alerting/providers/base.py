"""What every provider's config has, and what every provider is built with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar

from pydantic import Field

from connext_monitor.alerting.providers.http.client import OpenSender, Sender, http_sender
from connext_monitor.alerting.providers.http.timing import FIRST_TIMEOUT
from connext_monitor.clock import Clock
from connext_monitor.config import Flag, PathwayPattern, Table
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.labels import ChainLabels

if TYPE_CHECKING:
    from rich.console import Console

    from connext_monitor.alerting.notice import Provider


class ProviderConfig(Table):
    """The keys of every ``[alert_providers.NAME]``.

    Alerts below ``min_severity`` are not sent there, nor those about other ``pathways`` where some are named;
    ``reports`` says whether reports on statistics are.
    """

    type: str
    pathways: Annotated[tuple[PathwayPattern, ...], Field(strict=False)] = ()
    min_severity: Literal["info", "warning", "critical"] = "info"
    reports: Flag | None = None

    @property
    def wants_reports(self) -> bool:
        """Whether reports on statistics are sent: as configured, else where alerts of every severity are sent."""
        return self.reports if self.reports is not None else self.least is Severity.INFO

    @property
    def least(self) -> Severity:
        """The lowest severity that is sent."""
        return Severity(self.min_severity)


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What providers are built with: what chains are called, time and waiting for it, the terminal and the network.

    ``console`` None means stdout; ``first_timeout`` is how long a first response may take (seconds).
    """

    labels: ChainLabels
    clock: Clock
    console: "Console | None" = None
    first_timeout: float = FIRST_TIMEOUT
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    open_sender: OpenSender = http_sender

    def sender(self) -> Sender:
        """What one provider sends with; its own, to be closed by it."""
        return self.open_sender(self.clock, self.first_timeout)


C = TypeVar("C", bound=ProviderConfig)


@dataclass(frozen=True, slots=True)
class ProviderType(Generic[C]):
    """A type of channel: its config, and what builds a provider from that.

    A package's ``build`` loads what sends when it is called: to check a config, nobody waits for that.
    """

    config: type[C]
    build: "Callable[[str, C, ProviderContext], Provider]"


def warn(event: str, **values: object) -> None:
    """Log what the people who run the monitor should know about a channel."""
    import structlog  # noqa: PLC0415 - it is slow to load, and reading a config must not wait for it

    structlog.get_logger().warning(event, **values)
