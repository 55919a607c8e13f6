"""The URL of an endpoint, which is a secret: providers put keys into its path, its query and its user info."""

import base64
import re
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

_WEBSOCKET: Final = ("ws", "wss")
_SCHEMES: Final = (*_WEBSOCKET, "http", "https")
_SHORTEST_SECRET: Final = 4
"""Shorter pieces of a path, "v3" for one, are no secrets, and hiding them would garble other words."""
_SHOWN: Final = 200
"""Characters of a stranger's text that are shown."""
_LOOKED_AT: Final = 10_000


class Secret(Protocol):
    """Text that hides itself, as the config's secrets do."""

    def get_secret_value(self) -> str:
        """The text itself."""


class EndpointAddress:
    """Where an endpoint is. The host may be shown, the rest may not: neither repr nor a list of fields tells it.

    Raises ValueError, whose words do not quote it, for anything but a ws, wss, http or https URL with a host.
    """

    __slots__ = ("__authorization", "__secrets", "__target", "host", "pushes")

    host: str
    """The host's name without its port: safe to show."""
    pushes: bool
    """Whether it is a websocket's, which can be subscribed to."""

    def __init__(self, url: str | Secret) -> None:
        self.host = ""
        parts = _split(url if isinstance(url, str) else url.get_secret_value())
        del url  # a traceback that shows local variables must not show it
        if parts is None:
            raise ValueError("an endpoint's URL must begin with ws://, wss://, http:// or https:// and name a host")
        self.host = parts.hostname or ""
        self.pushes = parts.scheme in _WEBSOCKET
        self.__authorization = _basic_authorization(parts)
        self.__secrets = _secrets_pattern(parts)
        self.__target = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()

    def __repr__(self) -> str:
        return f"<EndpointAddress of {self.host}>"

    def reveal(self) -> str:
        """The URL without its user info: for the library that connects, and for nobody else."""
        return self.__target

    def reveal_headers(self) -> dict[str, str]:
        """The headers that carry the user info, as secret as the URL."""
        return {"Authorization": self.__authorization} if self.__authorization else {}

    def quote(self, text: str) -> str:
        """A stranger's words made fit to be shown: one short line without what is secret in this URL."""
        text = text[:_LOOKED_AT]
        if self.__secrets is not None:
            text = self.__secrets.sub("…", text)
        line = "".join(character if character.isprintable() else " " for character in text[: _SHOWN + 1])
        return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _split(url: str) -> SplitResult | None:
    """The parts of a usable URL, None for any other: the library's own errors would quote it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _basic_authorization(parts: SplitResult) -> str:
    """User info as HTTP's Basic scheme (RFC 7617); "" without any. A key without a password is allowed."""
    if parts.username is None:
        return ""
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def _secrets_pattern(parts: SplitResult) -> re.Pattern[str] | None:
    """What finds the URL's secret pieces in a text that repeats them, whole or in part, quoted or not."""
    wholes = [parts.path, parts.query, parts.fragment, parts.username or "", parts.password or ""]
    pieces = {piece for whole in wholes for piece in (whole, *re.split(r"[/&=;]", whole))}
    pieces |= {unquote(piece) for piece in pieces}
    longest_first = sorted((piece for piece in pieces if len(piece) >= _SHORTEST_SECRET), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if longest_first else None
