"""What Discord answers, and where: one version of its API, its codes, its limits.

Source: Discord's API documentation, "Rate Limits" and "Opcodes and Status Codes", and issues of discord-api-docs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from connext_monitor.alerting.providers.http.response import HttpResponse
from connext_monitor.alerting.providers.replies import EditRefused, MessageGone, Reply, Unacceptable
from connext_monitor.core.delivery import ChannelDead, Sent
from connext_monitor.core.retry_after import longest_wait, seconds_in

ID = re.compile("[0-9]{1,20}")
_UNVERSIONED = re.compile(r"/api/(?:v[0-9]+/)?webhooks/")
# Discord's own message is never quoted: an answer that echoes the request could carry the token into a log.
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
    """The thread that is posted to takes nothing, or a forum was given none."""

    reason: str
    is_forum: bool = False


def versioned(path: str) -> str:
    """The path of a webhook in the version of the API that is spoken here.

    Discord shows it without one, and answers there as its oldest does, with waits in milliseconds.
    """
    return _UNVERSIONED.sub("/api/v10/webhooks/", path)


def classify(answer: HttpResponse) -> Reply | ThreadShut:
    """What Discord's answer means.

    1. 2xx: saved; the message's id is the reference, where it can be read. A page is not Discord's.
    2. The codes 10015 and 50027: the webhook is no more. Only they say so: 401, 403 and 404 also come from what stands
       in front of Discord, and pass.
    3. 429 and 5xx: come again, after as long as is asked for; with code 30046 only this message may not be changed.
    4. Code 10008: no such message, the webhook itself is well.
    5. Codes about the thread: it takes nothing. A forum takes nothing without one.
    6. 400 and 413: not as it is written.
    7. Anything else is no answer of Discord's: come again.
    """
    said = answer.json
    if answer.ok and not answer.is_page:
        message_id = said.get("id")
        return Sent(message_id if isinstance(message_id, str) and ID.fullmatch(message_id) else None)
    code = said.get("code")
    words = f"{answer.words}, {_CODES[code]}" if isinstance(code, int) and code in _CODES else answer.words
    meaning = _MEANINGS.get(code) if isinstance(code, int) else None
    if meaning is not None:
        return meaning(words, answer)
    if answer.status in {400, 413} and not answer.is_page:
        return Unacceptable(words)
    later = answer.try_later(wait_asked(answer))
    return replace(later, reason=words) if code in _CODES else later


_MEANINGS: Mapping[int, Callable[[str, HttpResponse], Reply | ThreadShut]] = {
    10003: lambda words, _: ThreadShut(words),
    10008: lambda words, _: MessageGone(words),
    10015: lambda words, _: ChannelDead(words),
    30046: lambda words, answer: EditRefused(words, wait_asked(answer)),
    50027: lambda words, _: ChannelDead(words),
    50083: lambda words, _: ThreadShut(words),
    220001: lambda words, _: ThreadShut(words, is_forum=True),
}


def wait_asked(answer: HttpResponse) -> float | None:
    """Seconds that an answer asks for in its headers and its body, which may disagree about the unit."""
    reset = answer.headers.get("X-RateLimit-Reset-After") if answer.status == 429 else None
    return longest_wait(answer.retry_after, seconds_in(answer.json.get("retry_after")), seconds_in(reset))


def pause_after(answer: HttpResponse) -> float | None:
    """Seconds to leave before the next request, where this one was the last that the present window allows."""
    remaining = seconds_in(answer.headers.get("X-RateLimit-Remaining"))
    return seconds_in(answer.headers.get("X-RateLimit-Reset-After")) if remaining == 0 else None
