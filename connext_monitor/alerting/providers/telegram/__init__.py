"""Telegram: a bot that writes to a chat, one message for each alert or group, edited in place."""

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import Field as Ranged
from pydantic import PlainValidator

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import BaseUrl, FromDigits, SecretText, bad_value

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
_MENTION = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}")


class TelegramToken(SecretText):
    """A bot's token, as @BotFather gives it."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it looks like one."""
        if not _TOKEN.fullmatch(secret):
            raise bad_value("is not a Telegram bot's token", "copy it from @BotFather: digits, a colon, letters")


def _read_chat(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _CHAT.fullmatch(text):
        return text
    raise bad_value("is not a Telegram chat", 'write its id, such as "-1001234567890", or a channel\'s "@name"')


def _read_mention(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _MENTION.fullmatch(value)):
        return value
    raise bad_value("is not a Telegram mention", 'write "@username"')


class TelegramConfig(ProviderConfig):
    """``type = "telegram"``; ``mention`` is notified by critical alerts only, ``thread_id`` is a forum's topic.

    ``api_url`` is where the Bot API is served.
    """

    token: TelegramToken
    chat_id: Annotated[str, PlainValidator(_read_chat)]
    thread_id: Annotated[int, FromDigits, Ranged(ge=1, le=2**63 - 1)] | None = None
    mention: Annotated[str | None, PlainValidator(_read_mention)] = None
    api_url: BaseUrl = BaseUrl("https://api.telegram.org")


def build(name: str, config: TelegramConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.telegram.provider import TelegramProvider  # noqa: PLC0415 - as said above

    return TelegramProvider(name, config, context)


PROVIDER_TYPE = ProviderType(TelegramConfig, build)
