"""Telegram: a bot that writes to a chat, one message for each alert or group, edited in place."""

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.telegram.config import TelegramConfig
from connext_monitor.alerting.providers.telegram.provider import TelegramProvider

PROVIDER_TYPE = ProviderType(TelegramConfig, TelegramProvider)
