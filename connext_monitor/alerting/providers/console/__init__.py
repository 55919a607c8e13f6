"""Prints alerts on stdout, for people at a terminal: severity, title, what is wrong, the facts, links."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext


class ConsoleConfig(ProviderConfig):
    """``type = "console"``; needs nothing."""


def build(name: str, config: ConsoleConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.console.provider import ConsoleProvider  # noqa: PLC0415 - as said above

    return ConsoleProvider(name, config, context)


PROVIDER_TYPE = ProviderType(ConsoleConfig, build)
