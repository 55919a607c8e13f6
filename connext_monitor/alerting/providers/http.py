"""Sending over HTTP: one request, its answer in few words, and the pace that a channel asks for.

A channel's URL is its password: no error, reason or log line made here holds it. What a channel says is read up to a
cap, and only to tell what happened.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from yarl import URL

from connext_monitor.clock import Clock
from connext_monitor.core.delivery import Cause, Outcome, Refused, TryLater, retry_after, time_at
from connext_monitor.core.documents import Json

TIMEOUT = 10.0
PICTURE = "report.png"
"""What the picture of a report is called."""
_USER_AGENT = "connext-monitor"
_MOST_READ = 256 * 1024
_LONGEST_PAUSE = 60.0
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Unacceptable:
    """The channel does not take the message as it is written; a plainer form may pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageGone:
    """The message that was to be changed is no more; a new one can be posted."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, the body as far as it was read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Any 2xx."""
        return 200 <= self.status < 300

    @property
    def later(self) -> bool:
        """Whether the status alone says to come again: too many requests, or trouble on the other side."""
        return self.status == 429 or self.status >= 500

    @property
    def cause(self) -> Cause:
        """Why to come again, as it is counted."""
        if self.status == 429:
            return Cause.RATE_LIMITED
        return Cause.SERVER_ERROR if self.status >= 500 else Cause.NOT_TAKEN

    @property
    def words(self) -> str:
        """``answered 404 Not Found``; the phrase is the standard's, never the channel's own."""
        return f"answered {self.status} {_PHRASES.get(self.status, '')}".rstrip()

    @property
    def json(self) -> Json:
        """The object in the body; empty where there is none."""
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    def try_later(self, after: float | None = None) -> TryLater:
        """Come again, after as long as the answer's ``Retry-After`` says if ``after`` does not."""
        if 300 <= self.status < 400:
            return TryLater(f"{self.words}, a redirect, which is not followed: configure the address it leads to")
        return TryLater(self.words, self.retry_after if after is None else after, self.cause)


class HttpSender:
    """One provider's session: its own connections, ten seconds for each request, no redirects, cookies or proxies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, url: URL, body: bytes, headers: Mapping[str, str]) -> Answer | TryLater:
        """Send once. A network that fails is a `TryLater`; only a bug raises."""
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(
                    response.status,
                    response.headers,
                    await _read(response),
                    retry_after(
                        response.headers.get("Retry-After"), time_at(response.headers.get("Date"), self._clock.now())
                    ),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return TryLater(_explain(error), cause=_cause(error))

    async def aclose(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Alerts are rare: a connection kept for the next one is mostly a dead one, and a lost alert's delay.
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
                trust_env=False,
            )
        return self._session


async def in_some_form(forms: Iterable[Json], post: Callable[[Json], Awaitable[Outcome | Unacceptable]]) -> Outcome:
    """Post one form after the other until the channel does not object to it; refused where it objects to all."""
    reason = ""
    for form in forms:
        reply = await post(form)
        if not isinstance(reply, Unacceptable):
            return reply
        reason = reply.reason
    return Refused(reason)


async def form(fields: Mapping[str, str], name: str, picture: bytes) -> tuple[bytes, Mapping[str, str]]:
    """A form with these fields and a PNG called ``name`` in it: the body, and the header that says so."""
    writer = aiohttp.MultipartWriter("form-data")
    for key, value in fields.items():
        writer.append(value).set_content_disposition("form-data", name=key)
    part = writer.append(picture, {"Content-Type": "image/png"})
    part.set_content_disposition("form-data", name=name, filename=PICTURE)
    return await writer.as_bytes(), {"Content-Type": writer.content_type}


class Pace:
    """Keeps requests as far apart as the channel asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._not_before = 0.0

    async def turn(self) -> None:
        """Wait until the next request may go."""
        await asyncio.sleep(max(0.0, self._not_before - self._clock.monotonic()))

    def hold(self, seconds: float) -> None:
        """Let the next request wait so long from now; a minute at most, after which the channel may say it again."""
        self._not_before = self._clock.monotonic() + min(seconds, _LONGEST_PAUSE)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or as much of it as comes: once the status is known, a lost connection must not mean "send again"."""
    body = b""
    try:
        while len(body) < _MOST_READ and (chunk := await response.content.read(_MOST_READ - len(body))):
            body += chunk
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    return body


# The first that fits counts, so the narrower stand before the wider.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, f"gave no answer within {TIMEOUT:.0f} s"),
    (aiohttp.ClientConnectorDNSError, "has a host name that cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "showed a TLS certificate that is not trusted"),
    (aiohttp.ClientSSLError, "cannot be spoken to over TLS"),
    (aiohttp.ServerDisconnectedError, "closed the connection before it answered"),
)


def _cause(error: Exception) -> Cause:
    return Cause.TIMED_OUT if isinstance(error, TimeoutError) else Cause.UNREACHABLE


def _explain(error: Exception) -> str:
    """What went wrong, without the error's own text: that often holds the URL."""
    for kind, words in _FAILURES:
        if isinstance(error, kind):
            return words
    number = error.errno if isinstance(error, OSError) else None
    return f"cannot be reached ({os.strerror(number).lower() if number else type(error).__name__})"
