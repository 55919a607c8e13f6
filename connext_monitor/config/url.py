"""What can be asked for over HTTP or a websocket: a URL that passes here goes into a real request as it is."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic_core import PydanticCustomError

from connext_monitor.config.problems import bad_value

_LONGEST = 4000
# RFC 3986, appendix A; the redaction of logs takes a URL to end at one of these.
_NEVER_IN_URLS = frozenset(' "<>\\^`{|}')
# With the underscore, which names of services in containers have (RFC 1123 knows none).
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_HOST = 253
_NETLOC = re.compile(r"(?:[^@\[\]]*@)?(?:\[[^\[\]@]*\]|[^:@\[\]]*)(?::[0-9]*)?")
# Two that were pasted one after the other, or a list of them; a path may hold another URL.
_SECOND_URL = re.compile(r"(?:^[^/]*//|[,;])(?:https?|wss?)://", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PERCENT = "percent-encode such characters (% and two hex digits)"


def read_url(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split a URL; raises `bad_value` when its scheme is none of these, or it is nothing that could be asked for."""
    cure = f"write a complete URL beginning with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    _check_text(text, cure)
    url = _split(text)
    if url is None:
        raise bad_value("is a URL with an invalid host or port", cure)
    if url.scheme not in schemes:
        raise bad_value("is not a URL with a supported scheme", cure)
    if not is_host(url.hostname or "", bracketed="[" in url.netloc):
        raise _no_host(url.hostname or "", cure)
    if not text.isascii():
        raise bad_value("contains a character outside ASCII, which URLs cannot contain", _PERCENT)
    if "#" in text:
        raise bad_value('is a URL with a "#" part, which servers never see', "write the URL without it")
    if not _is_user(url):
        raise bad_value("has a user name or a password that no HTTP header can carry", f"correct it; {_PERCENT}")
    return url


def _check_text(text: str, cure: str) -> None:
    if not text:
        raise bad_value("is empty", cure)
    if not text.isprintable() or not _NEVER_IN_URLS.isdisjoint(text):
        raise bad_value(
            "contains a space, a quote or another character that URLs cannot contain", "write the URL without it"
        )
    if len(text) > _LONGEST:
        raise bad_value(f"is longer than {_LONGEST} characters, which no server accepts", cure)
    if _SECOND_URL.search(text):
        raise bad_value("contains more than one URL", "write one URL per value")


def is_host(text: str, *, bracketed: bool = False) -> bool:
    """Whether a resolver can be asked for it: a name, an IPv4 address, or an IPv6 address that stood in brackets."""
    if bracketed:
        return _is_address(IPv6Address, text)
    labels = text.removesuffix(".").split(".")
    if labels[-1].isdigit():
        return _is_address(IPv4Address, text)
    return len(text) <= _LONGEST_HOST and all(map(_LABEL.fullmatch, labels))


def _no_host(host: str, cure: str) -> PydanticCustomError:
    mistake = "is a URL without a usable host"
    return bad_value(mistake, cure if host.isascii() else 'write the host\'s ASCII form, which begins with "xn--"')


def _split(text: str) -> SplitResult | None:
    """The parts; None where the library finds none, and for more than user, host and port before the path."""
    try:
        url = urlsplit(text)
        return url if _NETLOC.fullmatch(url.netloc) and url.port != 0 else None
    except ValueError:
        return None


def _is_address(kind: type[IPv4Address] | type[IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except AddressValueError:
        return False
    # A zone ("fe80::1%eth0") is the machine's own affair, and no URL's.
    return "%" not in text


def _is_user(url: SplitResult) -> bool:
    """Whether user and password fit into HTTP's Basic scheme (RFC 7617) as our library writes it."""
    user, password = unquote(url.username or ""), unquote(url.password or "")
    both = user + password
    whole = not _BROKEN_ESCAPE.search(url.netloc)
    return whole and ":" not in user and both.isprintable() and _is_latin_1(both)


def _is_latin_1(text: str) -> bool:
    return all(char <= "\xff" for char in text)
