"""What Discord answers, and where: one version of its API, its codes, its limits.

Source: Discord's API documentation, "Rate Limits" and "Opcodes and Status Codes", and issues of discord-api-docs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.providers.discord import ID
from connext_monitor.alerting.providers.replies import EditRefused, MessageGone, Reply, Unacceptable
from connext_monitor.core.delivery import ChannelDead, Sent
from connext_monitor.core.retry_after import longest_wait, seconds_in

_UNVERSIONED = re.compile(r"/api/(?:v[0-9]+/)?webhooks/")
# Discord's own message is never quoted: a response that echoes the request could carry the token into a log.
_CODES = {
    10003: "unknown channel or thread (code 10003)",
    10008: "unknown message (code 10008)",
    10015: "unknown webhook (code 10015)",
    30046: "too many edits of messages older than an hour (code 30046)",
    40333: "blocked in front of Discord (code 40333)",
    50027: "invalid webhook token (code 50027)",
    50035: "invalid form body (code 50035)",
    50083: "the thread is archived (code 50083)",
    220001: "a forum only accepts posts to one of its threads: set thread_id (code 220001)",
}


@dataclass(frozen=True, slots=True)
class ThreadShut:
    """The thread posted to accepts nothing, or a forum was given no thread."""

    reason: str
    is_forum: bool = False


def versioned(path: str) -> str:
    """A webhook's path in the version of the API that is used here.

    Discord shows it without a version, and answers there as its oldest API does, with waits in milliseconds.
    """
    return _UNVERSIONED.sub("/api/v10/webhooks/", path)


def classify(response: HttpResponse) -> Reply | ThreadShut:
    """What Discord's response means.

    1. 2xx: saved; the message's id is the reference, where it can be read. A page is not Discord's.
    2. The codes 10015 and 50027: the webhook no longer exists. Only they say so: 401, 403 and 404 also come from what
       stands in front of Discord, and pass.
    3. 429 and 5xx: try later, after as long as is asked for; with code 30046 only this message may not be changed.
    4. Code 10008: no such message, the webhook itself is well.
    5. Codes about the thread: it takes nothing. A forum takes nothing without one.
    6. 400 and 413: rejected in this form.
    7. Anything else is not Discord's response: try later.
    """
    document = response.json
    if response.ok and not response.is_page:
        message_id = document.get("id")
        return Sent(message_id if isinstance(message_id, str) and ID.fullmatch(message_id) else None)
    code = document.get("code")
    words = f"{response.words}, {_CODES[code]}" if isinstance(code, int) and code in _CODES else response.words
    meaning = _MEANINGS.get(code) if isinstance(code, int) else None
    if meaning is not None:
        return meaning(words, response)
    if response.status in {400, 413} and not response.is_page:
        return Unacceptable(words)
    later = response.try_later(wait_asked(response))
    return replace(later, reason=words) if code in _CODES else later


_MEANINGS: Mapping[int, Callable[[str, HttpResponse], Reply | ThreadShut]] = {
    10003: lambda words, _: ThreadShut(words),
    10008: lambda words, _: MessageGone(words),
    10015: lambda words, _: ChannelDead(words),
    30046: lambda words, response: EditRefused(words, wait_asked(response)),
    50027: lambda words, _: ChannelDead(words),
    50083: lambda words, _: ThreadShut(words),
    220001: lambda words, _: ThreadShut(words, is_forum=True),
}


def wait_asked(response: HttpResponse) -> float | None:
    """Seconds that a response asks for in its headers and its body, which may disagree about the unit."""
    reset = response.headers.get("X-RateLimit-Reset-After") if response.status == 429 else None
    return longest_wait(response.retry_after, seconds_in(response.json.get("retry_after")), seconds_in(reset))


def pause_after(response: HttpResponse) -> float | None:
    """Seconds to wait before the next request, where this one was the last that the current window allows."""
    remaining = seconds_in(response.headers.get("X-RateLimit-Remaining"))
    return seconds_in(response.headers.get("X-RateLimit-Reset-After")) if remaining == 0 else None
