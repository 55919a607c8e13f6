"""Telegram: a bot that writes to a chat, one message for each alert or group, edited in place."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.telegram.config import TelegramConfig

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext


def build(name: str, config: TelegramConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.telegram.provider import TelegramProvider  # noqa: PLC0415 - as said above

    return TelegramProvider(name, config, context)


PROVIDER_TYPE = ProviderType(TelegramConfig, build)
