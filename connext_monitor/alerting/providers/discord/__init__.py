"""Discord webhooks: an embed that changes from open to resolved."""

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.discord.config import DiscordConfig
from connext_monitor.alerting.providers.discord.provider import DiscordProvider

PROVIDER_TYPE = ProviderType(DiscordConfig, DiscordProvider)
