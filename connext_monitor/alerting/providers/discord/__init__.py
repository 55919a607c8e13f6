"""Discord webhooks: an embed that changes from open to resolved."""

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import PlainValidator
from yarl import URL

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import SecretUrl, bad_value

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext

ID = re.compile("[0-9]{1,20}")
"""Discord's number of a message, a thread or a person."""
MENTION = re.compile(r"<@(?P<role>&)?(?P<id>[0-9]{1,20})>")
_WEBHOOK = re.compile(r"/webhooks/[0-9]+/[A-Za-z0-9_-]+/?$")


class DiscordUrl(SecretUrl):
    """A webhook's URL as Discord shows it."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it ends in ``/webhooks/ID/TOKEN``."""
        super().check(secret)
        if not _WEBHOOK.search(URL(secret).path):
            raise bad_value(
                "is not the URL of a Discord webhook",
                'copy it from the channel\'s settings, "Integrations", "Webhooks"',
            )


def _read_mention(value: object) -> str | None:
    if value is None or (isinstance(value, str) and MENTION.fullmatch(value)):
        return value
    raise bad_value("is not a Discord mention", 'write "<@&ROLE_ID>" for a role or "<@USER_ID>" for a person')


def _read_thread(value: object) -> str | None:
    if value is None or (isinstance(value, str) and ID.fullmatch(value)):
        return value
    raise bad_value("is not the id of a Discord thread", "write its digits in quotes")


class DiscordConfig(ProviderConfig):
    """``type = "discord"``; ``mention`` is notified by critical alerts only, ``thread_id`` is a thread or a post."""

    webhook_url: DiscordUrl
    mention: Annotated[str | None, PlainValidator(_read_mention)] = None
    thread_id: Annotated[str | None, PlainValidator(_read_thread)] = None


def build(name: str, config: DiscordConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.discord.provider import DiscordProvider  # noqa: PLC0415 - as said above

    return DiscordProvider(name, config, context)


PROVIDER_TYPE = ProviderType(DiscordConfig, build)
