"""How long a server asks to be left alone: its ``Retry-After`` header, and waits as vendors write them elsewhere.

Waits are seconds from now, finite and never negative; None where nothing is asked. Source: RFC 9110, 10.2.3, and the
vendors' answers that the tests list.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

UNIT: Final = r"ms|milli[a-z]*|s|sec[a-z]*|m|min[a-z]*|h|hours?|d|days?"
NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_EPOCH: Final = 1e9
"""From here on a bare number is an instant in Unix seconds, or, a thousand times larger, in milliseconds."""
_LONGEST_TEXT: Final = 100
_MILLISECONDS_FROM: Final = 100.0
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(rf"({NUMBER})\s*({UNIT})", re.ASCII)
_LENGTH: Final = re.compile(rf"(?:{_PART.pattern}[\s,]*)+", re.ASCII)


def wait_in_headers(headers: Mapping[str, str], now: float) -> float | None:
    """What ``Retry-After`` or ``Retry-After-Ms`` asks, the longer of both; ``now`` in Unix seconds.

    A date is seen from the server's own time where its ``Date`` says that: from ours, a second could become an hour.
    """
    now = server_time(headers, now)
    waits = (wait_in(headers.get("Retry-After"), now), wait_in(headers.get("Retry-After-Ms"), now, 0.001))
    return max((wait for wait in waits if wait is not None), default=None)


def server_time(headers: Mapping[str, str], now: float) -> float:
    """The time where an answer comes from, by its ``Date`` (Unix seconds); ``now`` where it has none."""
    instant = _instant(headers.get("Date", ""))
    return now if instant is None else instant


def wait_in(value: object, now: float, unit: float = 1.0) -> float | None:
    """The wait that a length of time (`seconds_in`), a Unix time, an HTTP date or one of ISO 8601 asks for."""
    number = _number(value)
    if number is not None and number >= _EPOCH:
        return max(0.0, (number / 1000 if number >= 1000 * _EPOCH else number) - now)
    length = seconds_in(value, unit)
    if length is not None or not isinstance(value, str):
        return length
    instant = _instant(value)
    return None if instant is None else max(0.0, instant - now)


def seconds_in(value: object, unit: float = 1.0) -> float | None:
    """A length of time in seconds: a number of ``unit`` seconds each, or text such as ``30s``, ``1500ms``, ``1m30s``.

    A negative number is 0.
    """
    number = _number(value)
    if number is not None:
        return max(0.0, number * unit)
    text = value.strip().lower() if isinstance(value, str) and len(value) <= _LONGEST_TEXT else ""
    if _LENGTH.fullmatch(text) is None:
        return None
    return sum(float(amount) * unit_seconds(name) for amount, name in _PART.findall(text))


def unit_seconds(name: str) -> float:
    """Seconds of a unit (`UNIT`) by any of its names."""
    name = name.lower()
    return _UNITS["ms" if name.startswith(("ms", "milli")) else name[0]]


def longest_wait(*waits: float | None) -> float | None:
    """The longest wait that one answer asks for in several places; None where nothing is asked.

    One that is a hundred times another or more was written in milliseconds, and does not count.
    """
    named = [seconds for seconds in waits if seconds is not None]
    least = min((seconds for seconds in named if seconds > 0), default=0.0)
    return max((seconds for seconds in named if not least or seconds < _MILLISECONDS_FROM * least), default=None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _instant(date: str) -> float | None:
    """Unix seconds of an HTTP date or one of ISO 8601; one without a zone is in UTC."""
    date = date.strip()[:_LONGEST_TEXT]
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(date)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError):
            continue
    return None
