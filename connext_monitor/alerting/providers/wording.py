"""What all chat channels share in formatting a message: its headline, its links, strangers' text on one line, limits.

The vendors do not say how they count characters. UTF-16 units are the most that any of them counts, so limits are kept
in those.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from connext_monitor.alerting.notice import Notice
from connext_monitor.core.alerts.message import Field, Link, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change

ELLIPSIS = "…"
EMPTY = "—"
Escapes = Mapping[int, str]
"""What stands for characters (their code points) that mean something to a vendor, as `str.translate` has it."""
_NO_ESCAPES: Escapes = {}
_URL_SIGNS = "/:?#[]@!$&'*+,;=%-._~"
_LONGEST_URL = 500
_LAST_SECOND = 253402300799  # of the year 9999, beyond which neither Python nor a reader has a date


def headline(message: Message) -> str:
    """The title after its badges: ``CRITICAL · Execution overdue: …``; a drill says so first."""
    return " · ".join((*badges(message), one_line(message.title)))


def bare(notice: Notice) -> Notice:
    """The notice reduced to its title, without any stranger's text, for a channel that rejects the details."""
    text = 'This channel rejected the details; "connext-monitor alerts" shows them.'
    return replace(notice, message=replace(notice.message, text=text, fields=(), links=()))


def badges(message: Message) -> tuple[str, ...]:
    """``DRILL`` for a drill, then ``RESOLVED`` or the severity."""
    state = "RESOLVED" if message.resolved else message.severity.name
    return ("DRILL", state) if message.drill else (state,)


def pages_someone(notice: Notice) -> bool:
    """Whether it is to page somebody: a critical alert that opens and has not resolved in the meantime."""
    message = notice.message
    return notice.change is Change.OPENED and message.severity is Severity.CRITICAL and not message.resolved


def fact_line(field: Field) -> str:
    """A fact on one line without any markup, an instant in UTC."""
    value = one_line(field.value) if isinstance(field.value, str) else utc_words(field.value.timestamp)
    return f"{one_line(field.name)}: {value}"


def one_line(text: str) -> str:
    """The text with everything unprintable escaped: line breaks, controls, ANSI, bidi, surrogates.

    Never empty: channels reject an empty text where they want one.
    """
    if not text.isprintable():
        text = "".join(map(_printable, text))
    return text.strip() or EMPTY


@lru_cache(1024)  # a hostile text is long, and often the same few characters
def _printable(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def units(text: str) -> int:
    """Its length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(text: str, limit: int, escapes: Escapes = _NO_ESCAPES) -> str:
    """The text, its characters escaped, in at most ``limit`` units; cut between characters, with an ellipsis.

    An escape sequence is never cut in two, since the limit is applied after escaping. ``limit`` is at least 1. No
    character is escaped to nothing, so only the beginning of a long text is looked at.
    """
    beginning = text[: limit + 1]
    whole = beginning.translate(escapes)
    if units(whole) <= limit:
        return whole
    pieces, room = [], limit - 1
    for char in beginning:
        piece = char.translate(escapes)
        room -= units(piece)
        if room < 0:
            break
        pieces.append(piece)
    return "".join(pieces) + ELLIPSIS


def joined_within(parts: Iterable[str], separator: str, limit: int) -> str:
    """As many of the first parts as fit, each of them whole: a link is worth nothing when cut."""
    text = ""
    for part in parts:
        longer = f"{text}{separator}{part}" if text else part
        if units(longer) > limit:
            break
        text = longer
    return text


def web_links(links: Iterable[Link]) -> list[Link]:
    """Those that lead to the web and are not too long, their URLs without any character of markup."""
    quoted = (Link(one_line(link.name), quote(link.url, safe=_URL_SIGNS, errors="replace")) for link in links)
    return [link for link in quoted if _scheme(link.url) in {"http", "https"} and len(link.url) <= _LONGEST_URL]


def has_date(timestamp: int) -> bool:
    """Whether these Unix seconds, which may be from a hostile block, fall in a year that can be written."""
    return 0 <= timestamp <= _LAST_SECOND


def utc_words(timestamp: int) -> str:
    """``2026-07-30 10:00:03 UTC``, for readers whose time zone is unknown."""
    if not has_date(timestamp):
        return f"Unix time {timestamp}"
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""
