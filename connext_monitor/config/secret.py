"""Secrets and URLs: values that show no more of themselves than may be shown."""

import re
from typing import Annotated, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import GetCoreSchemaHandler, PlainValidator
from pydantic_core import CoreSchema, core_schema

from connext_monitor.config.problems import bad_value, text_of


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
        return value if isinstance(value, cls) else cls(text_of(value))


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


class EndpointUrl(SecretUrl):
    """A chain's RPC URL: ws and wss are subscribed to, http and https are polled."""

    __slots__ = ()

    SCHEMES: ClassVar[tuple[str, ...]] = ("wss", "ws", "https", "http")


# RFC 3986, appendix A; the redaction of logs takes a URL to end at one of these.
_NEVER_IN_URLS = frozenset(' "<>\\^`{|}')
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")


def read_url(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split a URL; raises `bad_value` when its scheme is none of these, or it has no host that could be asked."""
    cure = f"write a whole URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not text:
        raise bad_value("is empty", cure)
    if not text.isprintable() or not _NEVER_IN_URLS.isdisjoint(text):
        raise bad_value("holds a space, a quote or another character that no URL has", "write the URL without it")
    url = _split(text)
    if url is None:
        raise bad_value("is a URL whose host or port cannot be", cure)
    if url.scheme not in schemes:
        raise bad_value("is no URL of a scheme that works here", cure)
    if not url.hostname or not (_HOST.fullmatch(url.hostname) or "[" in url.netloc):
        raise bad_value("is a URL without a usable host", cure)
    if url.fragment:
        raise bad_value('is a URL with a "#" part, which no server would see', "write the URL without it")
    return url


def _split(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        return None if url.port == 0 else url
    except ValueError:
        return None


def _read_explorer(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = text_of(value)
    url = read_url(text, ("https", "http"))
    if url.query or "@" in url.netloc:
        raise bad_value("is more than an address to build links on", 'write it as "https://explorer.example"')
    return text.rstrip("/")


ExplorerUrl = Annotated[str | None, PlainValidator(_read_explorer)]
