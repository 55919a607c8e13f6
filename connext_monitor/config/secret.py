"""Secrets and URLs: values that show no more of themselves than may be shown."""

import re
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import GetCoreSchemaHandler, PlainValidator
from pydantic_core import CoreSchema, core_schema

from connext_monitor.config.problems import bad_value, text_of
from connext_monitor.config.url import read_url

_QUOTES = frozenset("'\"")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]{1,4000}")


class SecretText:
    """Text that shows itself only when asked: printing, formatting and dumping a model hide it."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self.check(secret)
        self._secret = secret

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` for what this kind of secret cannot be."""
        if not secret.strip():
            raise bad_value("is empty", "write the secret, or leave the key out")
        if not secret.isprintable() or secret != secret.strip():
            raise bad_value(
                "contains a line break, surrounding white space or an unprintable character", "copy it again without it"
            )
        if len(secret) > 1 and secret[0] == secret[-1] and secret[0] in _QUOTES:
            raise bad_value("is wrapped in quotes that are part of the value", "remove them where it is set")

    def get_secret_value(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._secret

    def __repr__(self) -> str:
        return f"{type(self).__name__}('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash((type(self), self._secret))

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(cls._read, serialization=shown)

    @classmethod
    def _read(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        return cls(value.get_secret_value() if isinstance(value, SecretText) else text_of(value))


class HeaderToken(SecretText):
    """A token that goes into an ``Authorization`` header (RFC 6750)."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it is of visible ASCII characters only."""
        super().check(secret)
        if not _TOKEN.fullmatch(secret):
            raise bad_value("contains a character that tokens cannot contain", "copy it again from where it was issued")


class SecretUrl(SecretText):
    """An http or https URL whose path, query or user may be a secret; only `scheme` and `host` may be shown."""

    __slots__ = ()

    SCHEMES: ClassVar[tuple[str, ...]] = ("https", "http")

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it is a whole URL of a known scheme."""
        read_url(secret, cls.SCHEMES)

    @property
    def scheme(self) -> str:
        """In lower case."""
        return urlsplit(self._secret).scheme

    @property
    def host(self) -> str:
        """The host, with its port where one is written; what logs and pages may show."""
        return urlsplit(self._secret).netloc.rpartition("@")[2].lower()

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self}')"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"


class BaseUrl(SecretUrl):
    """A URL that a path is added to."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless a path can be added to it."""
        if read_url(secret, cls.SCHEMES).query or secret.endswith("?"):
            raise bad_value('has a "?" part, after which no path can be appended', "write the URL without it")


class ServiceUrl(BaseUrl):
    """A `BaseUrl` of a service that is shown credentials of its own."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` where it has a user name or a password: one request holds one kind of credentials."""
        super().check(secret)
        if "@" in urlsplit(secret).netloc:
            raise bad_value("has a user name or a password, which this service does not accept", "remove them")


class EndpointUrl(SecretUrl):
    """A chain's RPC URL: ws and wss are subscribed to, http and https are polled."""

    __slots__ = ()

    SCHEMES: ClassVar[tuple[str, ...]] = ("wss", "ws", "https", "http")


def _read_explorer(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = text_of(value)
    url = read_url(text, ("https", "http"))
    if url.query or "@" in url.netloc:
        raise bad_value('must not have a "?" part, a user name or a password', 'write it as "https://explorer.example"')
    return text.rstrip("/")


ExplorerUrl = Annotated[str | None, PlainValidator(_read_explorer)]
