"""How long an endpoint asks to be left alone, in whatever way it says so: in headers, in an error's data, or in words.

All is in seconds from now, None if nothing is said. What nobody can mean is bounded (years), counts as now
(negative) or is left out (not a number). Sources: RFC 9110 (Retry-After), the drafts and habits of
``RateLimit-Reset``, and vendors' answers, which are listed in the tests.
"""

import re
from collections.abc import Mapping
from typing import Final

from connext_monitor.core.retry_after import NUMBER, UNIT, server_time, unit_seconds, wait_in, wait_in_headers

LONGEST_WAIT: Final = 3600.0
"""Seconds. An endpoint may not send us away for longer than this."""
_DEPTH, _MEMBERS = 3, 50

_AMOUNT: Final = rf"(?P<n>{NUMBER})\s*(?P<unit>{UNIT})?(?![a-z0-9])"
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
    """What ``Retry-After`` asks; ``now`` is in Unix seconds, used if the server does not send its own time."""
    return _bounded(wait_in_headers(headers, now))


def reset_in_headers(headers: Mapping[str, str], now: float) -> float | None:
    """When a limit that is used up begins anew; says something only beside a refusal for the rate."""
    now = server_time(headers, now)
    for name in ("X-RateLimit-Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"):
        if (wait := wait_in(headers.get(name), now)) is not None:
            return _bounded(wait)
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
    return _bounded(float(match["n"]) * unit_seconds(match["unit"] or "s"))


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
    if (lasts := _LASTS.fullmatch(key)) is not None:
        return wait_in(value, now, unit_seconds(lasts["unit"] or "s"))
    if _AT.fullmatch(key) is not None:
        return wait_in(value, now, 0.001 if key.endswith("ms") else 1.0)
    return None


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, LONGEST_WAIT)
