"""Sending over HTTP: one request, its answer in few words, and the pace that a channel asks for.

A channel's URL is its password: no error, reason or log line made here holds it. What a channel says is read up to a
cap, and only to tell what happened. Once its status is known the message has been taken or not, whatever becomes of the
rest of the answer.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from connext_monitor.clock import Clock
from connext_monitor.core.delivery import FailureCause, TryLater
from connext_monitor.core.formats import Json

if TYPE_CHECKING:
    from connext_monitor.alerting.providers.http_sender import HttpSender

FIRST_TIMEOUT, LONGEST_TIMEOUT = 10.0, 60.0
"""Seconds to wait for an answer, connecting included: the first, and the longest after time-outs."""
EDIT_TIMEOUT = 20.0
"""The longest that an edit is waited for, in seconds: it can be repeated, and what is new waits behind it."""
PICTURE = "report.png"
"""What the picture of a report is called."""
_LONGEST_PAUSE, _EDITS_WAIT = 60.0, 3.0
_SLOW_FOR = 3600.0
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back: the status, the headers, the body as far as it was read, and whether that is the ``whole``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    retry_after: float | None = None
    whole: bool = True

    @property
    def ok(self) -> bool:
        """Any 2xx."""
        return 200 <= self.status < 300

    @property
    def later(self) -> bool:
        """Whether the status alone says to come again: too many requests, or trouble on the other side."""
        return self.status == 429 or self.status >= 500

    @property
    def cause(self) -> FailureCause:
        """Why to come again, as it is counted."""
        if self.status == 429:
            return FailureCause.RATE_LIMITED
        return FailureCause.SERVER_ERROR if self.status >= 500 else FailureCause.NOT_TAKEN

    @property
    def words(self) -> str:
        """``answered 404 Not Found``; the phrase is the standard's, never the channel's own."""
        return f"answered {self.status} {_PHRASES.get(self.status, '')}".rstrip()

    @property
    def json(self) -> Json:
        """The object in the body; empty where there is none."""
        try:
            said = json.loads(self.body.decode(json.detect_encoding(self.body), "replace"))
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def is_page(self) -> bool:
        """Whether the body is a page or other markup: no vendor's API answers so, but what stands in front of it."""
        return self.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")

    def try_later(self, after: float | None = None) -> TryLater:
        """Come again, after as long as the answer's ``Retry-After`` says if ``after`` does not."""
        if 300 <= self.status < 400:
            return TryLater(f"{self.words}, a redirect, which is not followed: configure the address it leads to")
        words = f"{self.words} with a web page" if self.is_page else self.words
        return TryLater(words, self.retry_after if after is None else after, self.cause)


class AdaptiveTimeout:
    """How long to wait for an answer: longer after each time-out, until none has been slow for an hour."""

    def __init__(self, clock: Clock, first: float = FIRST_TIMEOUT, longest: float = LONGEST_TIMEOUT) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._seconds = first
        self._needed_at = clock.monotonic()

    @property
    def seconds(self) -> float:
        """How long to wait now."""
        if self._clock.monotonic() - self._needed_at > _SLOW_FOR:
            self._seconds = self._first
        return self._seconds

    def answered(self, after: float) -> None:
        """An answer has come after so many seconds."""
        if after > self._first:
            self._needed_at = self._clock.monotonic()

    def timed_out(self, after: float) -> None:
        """None has come within so many seconds."""
        self._needed_at = self._clock.monotonic()
        self._seconds = max(self._seconds, min(2 * after, self._longest))


class RequestSpacing:
    """Keeps requests as far apart as the channel asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._not_before = 0.0

    @property
    def left(self) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._not_before - self._clock.monotonic())

    async def turn(self) -> None:
        """Wait until the next request may go."""
        await asyncio.sleep(self.left)

    async def turn_to_edit(self) -> TryLater | None:
        """As `turn`, for an edit: where that would hold up what is new for more than a moment, it comes again."""
        if self.left > _EDITS_WAIT:
            return TryLater("takes no more edits for the moment", self.left, FailureCause.RATE_LIMITED)
        await self.turn()
        return None

    def hold(self, seconds: float) -> None:
        """Let the next request wait so long from now; a minute at most, after which the channel may say it again."""
        self._not_before = max(self._not_before, self._clock.monotonic() + min(seconds, _LONGEST_PAUSE))


def http_sender(clock: Clock, patience: AdaptiveTimeout | None = None) -> "HttpSender":
    """A sender with connections of its own; loads aiohttp, for which reading a config must not wait."""
    from connext_monitor.alerting.providers.http_sender import HttpSender  # noqa: PLC0415 - as said above

    return HttpSender(clock, patience)


async def form(fields: Mapping[str, str], name: str, picture: bytes) -> tuple[bytes, Mapping[str, str]]:
    """A form with these fields and a PNG called ``name`` in it: the body, and the header that says so."""
    from connext_monitor.alerting.providers.http_sender import form_body  # noqa: PLC0415 - loaded with the sender

    return await form_body(fields, name, picture)
