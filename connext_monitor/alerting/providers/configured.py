"""The providers of a config, ready to send, and which alerts and reports each of them is to be sent."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connext_monitor.alerting.http.client import OpenSender, http_sender
from connext_monitor.alerting.notice import Provider, takes_reports
from connext_monitor.alerting.providers import read_provider
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.clock import Clock
from connext_monitor.config import ConfigError, PathwayPattern, Problem, ProviderTable
from connext_monitor.core.alerts.alert import About, Alert
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabels

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A provider, and what it is to be sent: from which severity on, about which pathways (none: all), and reports."""

    provider: Provider
    min_severity: Severity
    pathways: tuple[PathwayPattern, ...] = ()
    reports: bool = False

    def wants_pathway(self, origin: DomainId, destination: DomainId, labels: ChainLabels) -> bool:
        """Whether its reports cover the pathway."""
        names = (labels.display_name(origin), labels.display_name(destination))
        return not self.pathways or any(pattern.matches(*names) for pattern in self.pathways)

    def wants(self, alert: Alert, labels: ChainLabels) -> bool:
        """Whether the alert is to be sent to it, by its severity and by what its kind is about.

        One about a chain touches every pathway from or to that chain. What is about the monitor goes to everyone.
        """
        return alert.severity.rank >= self.min_severity.rank and self._is_concerned(alert, labels)

    def _is_concerned(self, alert: Alert, labels: ChainLabels) -> bool:
        match alert.kind.about:
            case About.TRANSFER | About.PATHWAY:
                # An alert that does not say its pathway may be about any.
                return alert.pathway is None or self.wants_pathway(*alert.pathway, labels)
            case About.CHAIN:
                return not self.pathways or any(pattern.touches(alert.subject) for pattern in self.pathways)
            case About.ROUTER:
                # One that does not say its chain may be about any.
                chains = [labels.display_name(domain) for domain in alert.details.watched_chains]
                touched = any(pattern.touches(chain) for pattern in self.pathways for chain in chains)
                return not self.pathways or not chains or touched
            case About.PROVIDER:
                return alert.subject != self.provider.name
            case About.MONITOR:
                return True


def build_providers(
    tables: Mapping[str, ProviderTable],
    *,
    file: Path,
    labels: ChainLabels,
    clock: Clock,
    console: "Console | None" = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    open_sender: OpenSender = http_sender,
    longest_send: float | None = None,
) -> list[ConfiguredProvider]:
    """All providers of the config, in its order.

    ``console`` is where the console type prints, by default stdout; ``open_sender`` makes what the others send with;
    ``longest_send`` see `ProviderContext`.
    Raises ConfigError with the problems of all of them. Opens nothing yet: connections are made when they send.
    """
    context = ProviderContext(labels, clock, console, sleep=sleep, open_sender=open_sender, longest_send=longest_send)
    built: list[ConfiguredProvider] = []
    problems: list[Problem] = []
    for name, table in tables.items():
        try:
            channel_type, config = read_provider(file, name, table)
        except ConfigError as error:
            problems.extend(error.problems)
        else:
            provider = channel_type.build(name, config, context)
            reports = config.wants_reports and takes_reports(provider)
            built.append(ConfiguredProvider(provider, config.least, config.pathways, reports))
    if problems:
        raise ConfigError(file, problems)
    return built


def subscriptions(providers: Sequence[ConfiguredProvider], labels: ChainLabels) -> Route:
    """Names the providers whose configuration asks for an alert."""

    def subscribers(alert: Alert) -> Collection[str]:
        return [configured.provider.name for configured in providers if configured.wants(alert, labels)]

    return subscribers
