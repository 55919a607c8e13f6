"""Slack, by an incoming webhook or by a bot."""

import re
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import PlainValidator, model_validator
from yarl import URL

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import HeaderToken, SecretUrl, ServiceUrl, bad_value

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext

_MENTION = re.compile(r"<!subteam\^[A-Z0-9]{1,20}>|<!here>|<!channel>|<@[UW][A-Z0-9]{1,20}>")
_WEBHOOK = re.compile(r"/(?:services|workflows|triggers)/.")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")


def _read_mention(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _MENTION.fullmatch(value)):
        return value
    raise bad_value("is not a Slack mention", 'write "<!subteam^ID>" for a group, "<@U…>", "<!here>" or "<!channel>"')


def _read_channel(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _CHANNEL.fullmatch(value)):
        return value
    raise bad_value("is not a Slack channel", 'write its id, such as "C0123456789", or its name, such as "#alerts"')


class SlackUrl(SecretUrl):
    """An incoming webhook's URL, of Slack or of a service with the same API."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` for any other address at Slack or Discord."""
        super().check(secret)
        url = URL(secret)
        host = f".{url.host}"
        of_slack = host.endswith(".slack.com") and not (host == ".hooks.slack.com" and _WEBHOOK.match(url.path))
        of_discord = host.endswith((".discord.com", ".discordapp.com")) and not url.path.endswith("/slack")
        if of_slack or of_discord:
            raise bad_value(
                "is not the URL of a Slack webhook",
                'copy it from the app\'s settings at api.slack.com, "Incoming Webhooks"',
            )


class SlackToken(HeaderToken):
    """A token of the Web API: a bot's or a person's."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it begins as Slack's do."""
        super().check(secret)
        if not secret.startswith("xox"):
            raise bad_value(
                "is not a Slack bot's token",
                'copy the "Bot User OAuth Token" from the app\'s settings, "OAuth & Permissions": it begins with xoxb-',
            )


class SlackConfig(ProviderConfig):
    """``type = "slack"``, by an incoming webhook or by a bot; ``mention`` is notified by critical alerts only.

    ``channel`` is the channel's id or name, ``api_url`` where Slack's web API is.
    """

    webhook_url: SlackUrl | None = None
    token: SlackToken | None = None
    channel: Annotated[str | None, PlainValidator(_read_channel)] = None
    api_url: ServiceUrl = ServiceUrl("https://slack.com/api")
    mention: Annotated[str | None, PlainValidator(_read_mention)] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook_url is None) == (self.token is None) or (self.token is None) != (self.channel is None):
            raise bad_value(
                "must have either a webhook_url, or a token and a channel",
                "write webhook_url for an incoming webhook, or token and channel for a bot",
                keys=("webhook_url", "token", "channel"),
            )
        return self


def build(name: str, config: SlackConfig, context: "ProviderContext") -> "DigestProvider":
    """The channel behind a webhook or behind a bot, whichever the config has; reading the config loads neither."""
    from connext_monitor.alerting.providers.slack.bot import SlackBot  # noqa: PLC0415 - as said above
    from connext_monitor.alerting.providers.slack.webhook import SlackWebhook  # noqa: PLC0415 - as said above

    if config.token is None or config.channel is None:
        return SlackWebhook(name, config, context)
    return SlackBot(name, config, config.token, config.channel, context)


PROVIDER_TYPE = ProviderType(SlackConfig, build)
