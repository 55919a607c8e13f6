"""How long an endpoint asks to be left alone, in whatever way it says so: in headers, in an error's data, or in words.

All is in seconds from now, None where nothing is said. What nobody can mean is bounded (years), counts as now
(negative) or is left out (not a number). Sources: RFC 9110 (Retry-After), the drafts and habits of
``RateLimit-Reset``, and vendors' answers, which are listed in the tests.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_WAIT: Final = 3600.0
"""Seconds. An endpoint may not send us away for longer than this."""
_EPOCH: Final = 1e9
"""From here on a number is an instant in Unix seconds, or, a thousand times larger, in milliseconds."""
_DEPTH, _MEMBERS = 3, 50

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_UNIT: Final = r"ms|milli[a-z]*|s|sec[a-z]*|m|min[a-z]*|h|hours?|d|days?"
_AMOUNT: Final = rf"(?P<n>{_NUMBER})\s*(?P<unit>{_UNIT})?(?![a-z0-9])"
_PART: Final = re.compile(rf"({_NUMBER})\s*({_UNIT})", re.ASCII)
_LENGTH: Final = re.compile(rf"(?:{_PART.pattern}[\s,]*)+", re.ASCII)
_IN_WORDS: Final = re.compile(
    r"(?:\b(?:re)?try(?:ing)?(?: your request| the request| it)?(?: again)?,? (?:in|after)|\bretry[-_ ]after:?|"
    r"\bwait(?: for)?(?: at least)?|\breset(?:s|ting)? (?:in|after)|\bback ?off(?: for)?|\bavailable (?:again )?in)\s*"
    r"(?:about |another |~)?" + _AMOUNT,
    re.ASCII | re.IGNORECASE,
)
_LASTS: Final = re.compile(
    r"(?:retryafter|tryagainin|tryagainafter|retryin|retrydelay|backoff|backofftime|wait|waittime|waitfor|cooldown|resetin|"
    r"resetafter|resetsin)(?P<unit>ms|millis|milliseconds|s|secs|seconds|m|mins|minutes)?"
)
_AT: Final = re.compile(r"(?:reset|resetat|resettime|resets|resetsat|ratelimitreset|retryat|nextrequestat)(?:ms)?")


def in_headers(headers: Mapping[str, str], now: float) -> float | None:
    """What ``Retry-After`` asks; ``now`` is in Unix seconds, used where the server does not say its own time."""
    now = _instant(headers.get("Date", "")) or now
    milliseconds = _length(headers.get("Retry-After-Ms", ""), 0.001)
    asked = [_time(headers.get("Retry-After", ""), now), milliseconds]
    return _bounded(max((one for one in asked if one is not None), default=None))


def reset_in_headers(headers: Mapping[str, str], now: float) -> float | None:
    """When a limit that is used up begins anew; says something only beside a refusal for the rate."""
    now = _instant(headers.get("Date", "")) or now
    for name in ("X-RateLimit-Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"):
        if (asked := _time(headers.get(name, ""), now)) is not None:
            return _bounded(asked)
    combined = re.search(r"(?:\breset|;\s*t)\s*=\s*([0-9]{1,9})", headers.get("RateLimit", ""), re.ASCII)
    return _bounded(float(combined[1])) if combined else None


def in_data(data: object, now: float) -> float | None:
    """What an error's ``data`` asks, anywhere in it; the longest of several."""
    return _bounded(max(_of_members(data, now, _DEPTH), default=None))


def in_words(text: str) -> float | None:
    """What a sentence asks: "try again in 3 seconds"."""
    match = _IN_WORDS.search(text)
    if match is None:
        return None
    return _bounded(float(match["n"]) * _unit(match["unit"] or "s"))


def _of_members(data: object, now: float, depth: int) -> list[float]:
    if depth == 0:
        return []
    if isinstance(data, list):
        return [wait for member in data[:_MEMBERS] for wait in _of_members(member, now, depth - 1)]
    if not isinstance(data, dict):
        return []
    waits: list[float] = []
    for key, value in list(data.items())[:_MEMBERS]:
        wait = _of_member(re.sub(r"[^a-z]", "", str(key).lower()), value, now)
        waits += _of_members(value, now, depth - 1) if wait is None else [wait]
    return waits


def _of_member(key: str, value: object, now: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value)
    except ValueError:  # an integer of more digits than Python writes
        return None
    if (lasts := _LASTS.fullmatch(key)) is not None:
        return _time(text, now, _unit(lasts["unit"] or "s"))
    if _AT.fullmatch(key) is not None:
        return _time(text, now, 0.001 if key.endswith("ms") else 1.0)
    return None


def _time(text: str, now: float, unit: float = 1.0) -> float | None:
    """Seconds from now: of a length of time, an instant in Unix time, or a date."""
    length = _length(text, unit)
    if length is None:
        instant = _instant(text)
        return None if instant is None else instant - now
    number = length / unit
    if number >= _EPOCH * 1000:
        return number / 1000 - now
    return number - now if number >= _EPOCH and re.fullmatch(r"[0-9.]+", text.strip()) else length


def _length(text: str, unit: float) -> float | None:
    text = text.strip().lower()[:100]
    try:
        seconds = float(text) * unit
    except ValueError:
        if _LENGTH.fullmatch(text) is None:
            return None
        return sum(float(number) * _unit(name) for number, name in _PART.findall(text))
    return seconds if math.isfinite(seconds) else None


def _unit(name: str) -> float:
    """Seconds of a unit by any of its names."""
    name = name.lower()
    return _UNITS["ms" if name.startswith(("ms", "milli")) else name[0]]


def _instant(date: str) -> float | None:
    """Unix seconds of an HTTP date or one of ISO 8601."""
    date = date.strip()[:100]
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(date)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT)
