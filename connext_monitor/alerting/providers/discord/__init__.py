"""Discord webhooks: an embed that changes from open to resolved."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.discord.config import DiscordConfig

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext


def build(name: str, config: DiscordConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.discord.provider import DiscordProvider  # noqa: PLC0415 - as said above

    return DiscordProvider(name, config, context)


PROVIDER_TYPE = ProviderType(DiscordConfig, build)
