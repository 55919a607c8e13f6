"""The config of the console."""

from connext_monitor.alerting.providers.base import ProviderConfig


class ConsoleConfig(ProviderConfig):
    """``type = "console"``; needs nothing."""
