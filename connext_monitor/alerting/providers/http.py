"""Sending over HTTP: one request, its answer in few words, and the pace that a channel asks for.

A channel's URL is its password: no error, reason or log line made here holds it. What a channel says is read up to a
cap, and only to tell what happened. Once its status is known the message has been taken or not, whatever becomes of the
rest of the answer.
"""

import asyncio
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from yarl import URL

from connext_monitor.alerting.providers.status_line import StatusConnector, beginning
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import FailureCause, TryLater
from connext_monitor.core.formats import Json
from connext_monitor.core.retry_after import wait_in_headers

FIRST_TIMEOUT, LONGEST_TIMEOUT = 10.0, 60.0
"""Seconds to wait for an answer, connecting included: the first, and the longest after time-outs."""
EDIT_TIMEOUT = 20.0
"""The longest that an edit is waited for, in seconds: it can be repeated, and what is new waits behind it."""
PICTURE = "report.png"
"""What the picture of a report is called."""
_USER_AGENT = "connext-monitor"
_MOST_READ = 256 * 1024
_LONGEST_PAUSE, _EDITS_WAIT = 60.0, 3.0
_BODY_TIMEOUT = 10.0
_SLOW_FOR = 3600.0
# What proxies and vendors put into the head of an answer, cookies and policies, is no reason not to read it.
_LONGEST_HEADER, _MOST_HEADERS = 256 * 1024, 1024
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


class HttpSender:
    """One provider's session: its own connections and patience, no redirects, cookies or proxies."""

    def __init__(self, clock: Clock, patience: AdaptiveTimeout | None = None) -> None:
        self._clock = clock
        self._patience = patience or AdaptiveTimeout(clock)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str], *, at_most: float = LONGEST_TIMEOUT
    ) -> HttpResponse | TryLater:
        """Send once, and wait ``at_most`` seconds. A network that fails is a `TryLater`; only a bug raises."""
        seconds = min(self._patience.seconds, at_most)
        with beginning() as kept:
            answer = await self._exchange(method, url, body, headers, seconds)
        if isinstance(answer, TryLater) and kept.status is not None:
            # It was reached, and has decided; what of its answer breaks which rule is none of the message's business.
            return HttpResponse(kept.status, whole=False)
        if isinstance(answer, TryLater) and answer.cause is FailureCause.TIMED_OUT:
            self._patience.timed_out(seconds)
            if not kept.connected:
                return TryLater(f"cannot be connected to within {seconds:g} s", cause=FailureCause.UNREACHABLE)
        return answer

    async def _exchange(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> HttpResponse | TryLater:
        began = self._clock.monotonic()
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                self._patience.answered(self._clock.monotonic() - began)
                return await self._answer(response)
        except TimeoutError:
            return TryLater(f"gave no answer within {seconds:g} s", cause=FailureCause.TIMED_OUT)
        except aiohttp.ClientResponseError:
            return TryLater("answered in a way that is no HTTP")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            seen = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
            never_seen = not seen or isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError)
            return TryLater(_explain(error), cause=FailureCause.UNREACHABLE if never_seen else FailureCause.NOT_TAKEN)

    async def aclose(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _answer(self, response: aiohttp.ClientResponse) -> HttpResponse:
        body, whole = await _read(response)
        if response.headers.get("Content-Encoding", "").strip().lower() in {"gzip", "x-gzip", "deflate"}:
            body, whole = _unpacked(body, whole)
        asked = wait_in_headers(response.headers, self._clock.now().timestamp())
        return HttpResponse(response.status, response.headers, body, asked, whole)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Alerts are rare: a connection kept for the next one is mostly a dead one, and a lost alert's delay.
                connector=StatusConnector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
                trust_env=False,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
                max_headers=_MOST_HEADERS,
            )
        return self._session


async def form(fields: Mapping[str, str], name: str, picture: bytes) -> tuple[bytes, Mapping[str, str]]:
    """A form with these fields and a PNG called ``name`` in it: the body, and the header that says so."""
    writer = aiohttp.MultipartWriter("form-data")
    for key, value in fields.items():
        writer.append(value).set_content_disposition("form-data", name=key)
    part = writer.append(picture, {"Content-Type": "image/png"})
    part.set_content_disposition("form-data", name=name, filename=PICTURE)
    return await writer.as_bytes(), {"Content-Type": writer.content_type}


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


async def _read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """The body, or as much of it as comes, and whether that is all.

    Once the status is known, a lost connection must not mean "send again".
    """
    body = b""
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            while len(body) < _MOST_READ:
                chunk = await response.content.read(_MOST_READ - len(body))
                if not chunk:
                    return body, True
                body += chunk
    except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, TimeoutError, OSError):
        pass
    return body, False


def _unpacked(body: bytes, whole: bool) -> tuple[bytes, bool]:
    """What was packed though nobody asked for it, up to the same cap; the body as it is where it is not packed."""
    for wbits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip or zlib by its head, else deflate without one
        unpacker = zlib.decompressobj(wbits)
        try:
            plain = unpacker.decompress(body, _MOST_READ)
        except zlib.error:
            continue
        return plain, whole and unpacker.eof
    return body, whole


# The first that fits counts, so the narrower stand before the wider.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "has a host name that cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "showed a TLS certificate that is not trusted"),
    (aiohttp.ClientSSLError, "cannot be spoken to over TLS"),
    (aiohttp.ServerDisconnectedError, "closed the connection before it answered"),
)


def _explain(error: Exception) -> str:
    """What went wrong, without the error's own text: that often holds the URL."""
    for kind, words in _FAILURES:
        if isinstance(error, kind):
            return words
    number = error.errno if isinstance(error, OSError) else None
    return f"cannot be reached ({os.strerror(number).lower() if number else type(error).__name__})"
