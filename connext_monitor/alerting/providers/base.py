"""What every type of provider has: the keys of its config, and what builds it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar

from pydantic import Field

from connext_monitor.config import Flag, PathwayPattern, Table
from connext_monitor.core.alerts.severity import Severity

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import Provider
    from connext_monitor.alerting.providers.context import ProviderContext


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


C = TypeVar("C", bound=ProviderConfig)


@dataclass(frozen=True, slots=True)
class ProviderType(Generic[C]):
    """A type of channel: its config, and what builds a provider from that.

    ``build`` loads what sends when it is called: to check a config, nobody waits for that.
    """

    config: type[C]
    build: "Callable[[str, C, ProviderContext], Provider]"
