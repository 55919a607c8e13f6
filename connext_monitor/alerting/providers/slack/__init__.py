"""Slack, by an incoming webhook or by a bot."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.slack.config import SlackConfig

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext


def build(name: str, config: SlackConfig, context: "ProviderContext") -> "DigestProvider":
    """The channel behind a webhook or behind a bot, whichever the config has; reading the config loads neither."""
    from connext_monitor.alerting.providers.slack.bot import SlackBot  # noqa: PLC0415 - as said above
    from connext_monitor.alerting.providers.slack.webhook import SlackWebhook  # noqa: PLC0415 - as said above

    if config.token is None or config.channel is None:
        return SlackWebhook(name, config, context)
    return SlackBot(name, config, config.token, config.channel, context)


PROVIDER_TYPE = ProviderType(SlackConfig, build)
