"""One request and its response, by aiohttp, in a session of the provider's own.

It is loaded only to send, not to read the config (`http.client.http_sender`).
"""

import asyncio
import os
import zlib
from collections.abc import Mapping

import aiohttp
from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.response_start import StatusConnector, response_start
from connext_monitor.alerting.http.timing import LONGEST_TIMEOUT, AdaptiveTimeout
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import FailureCause, TryLater
from connext_monitor.core.retry_after import wait_in_headers

_USER_AGENT = "connext-monitor"
_MOST_READ = 256 * 1024
_BODY_TIMEOUT = 10.0
# Proxies and vendors put large cookies and policies into the head, which is no reason not to read a response.
_LONGEST_HEADER, _MOST_HEADERS = 256 * 1024, 1024


class HttpSender:
    """One provider's session: its own connections and time-outs; no redirects, cookies or proxies."""

    def __init__(self, clock: Clock, patience: AdaptiveTimeout | None = None) -> None:
        self._clock = clock
        self._timeout = patience or AdaptiveTimeout(clock)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str], *, at_most: float = LONGEST_TIMEOUT
    ) -> HttpResponse | TryLater:
        """Send once, and wait ``at_most`` seconds. A network failure is a `TryLater`; only a bug raises."""
        seconds = min(self._timeout.seconds, at_most)
        with response_start() as start:
            answer = await self._exchange(method, url, body, headers, seconds)
        if isinstance(answer, TryLater) and start.status is not None:
            # The server has decided; that its response breaks a rule of HTTP does not matter to the message.
            return HttpResponse(start.status, whole=False)
        if isinstance(answer, TryLater) and answer.cause is FailureCause.TIMED_OUT:
            self._timeout.timed_out(seconds)
            if not start.connected:
                return TryLater(f"could not be connected to within {seconds:g} s", cause=FailureCause.UNREACHABLE)
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
                self._timeout.answered(self._clock.monotonic() - began)
                return await self._answer(response)
        except TimeoutError:
            return TryLater(f"did not answer within {seconds:g} s", cause=FailureCause.TIMED_OUT)
        except aiohttp.ClientResponseError:
            return TryLater("answered with something that is not HTTP")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            connected = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
            never_seen = not connected or isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError)
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
        wait = wait_in_headers(response.headers, self._clock.now().timestamp())
        return HttpResponse(response.status, response.headers, body, wait, whole)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Alerts are rare: a connection kept for the next one would mostly be dead by then, and delay it.
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


async def form_body(
    fields: Mapping[str, str], name: str, filename: str, picture: bytes
) -> tuple[bytes, Mapping[str, str]]:
    """A form with these fields and a PNG, a file called so, under ``name``: the body, and the header that says so."""
    writer = aiohttp.MultipartWriter("form-data")
    for key, value in fields.items():
        writer.append(value).set_content_disposition("form-data", name=key)
    part = writer.append(picture, {"Content-Type": "image/png"})
    part.set_content_disposition("form-data", name=name, filename=filename)
    return await writer.as_bytes(), {"Content-Type": writer.content_type}


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
    """A compressed body, though none was asked for, up to the same cap; any other body as it is."""
    for wbits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip or zlib by its head, else deflate without one
        unpacker = zlib.decompressobj(wbits)
        try:
            plain = unpacker.decompress(body, _MOST_READ)
        except zlib.error:
            continue
        return plain, whole and unpacker.eof
    return body, whole


# The first match counts, so narrower types come before wider ones.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "has a host name that cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "presented a TLS certificate that is not trusted"),
    (aiohttp.ClientSSLError, "failed the TLS handshake"),
    (aiohttp.ServerDisconnectedError, "closed the connection before it answered"),
)


def _explain(error: Exception) -> str:
    """What went wrong, without the error's own text: that often holds the URL."""
    for kind, words in _FAILURES:
        if isinstance(error, kind):
            return words
    number = error.errno if isinstance(error, OSError) else None
    return f"cannot be reached ({os.strerror(number).lower() if number else type(error).__name__})"
