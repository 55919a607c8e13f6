"""Prints alerts on stdout, for people at a terminal: severity, title, what is wrong, the facts, links."""

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.console.provider import ConsoleConfig, ConsoleProvider

PROVIDER_TYPE = ProviderType(ConsoleConfig, ConsoleProvider)
