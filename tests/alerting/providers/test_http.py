"""Sending over HTTP: what a network does to it, and what must not get out."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from connext_monitor.alerting.providers import http
from connext_monitor.alerting.providers.http import Answer, HttpSender
from connext_monitor.clock import SystemClock
from connext_monitor.core.delivery import Cause, TryLater
from tests.alerting.vendors import Receiver


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    sender = HttpSender(SystemClock())
    yield sender
    await sender.aclose()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def raw_server(reply: bytes, *, then_hang: bool = False) -> AsyncIterator[URL]:
    """A server that says just this to whatever it is asked."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        if then_hang:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret?key=s3cret")
        async with asyncio.timeout(10):
            await done.wait()


async def test_a_refused_connection_is_tried_later_and_names_no_url(sender: HttpSender) -> None:
    answer = await sender.request("POST", URL(f"http://127.0.0.1:{free_port()}/s3cret"), b"", {})
    assert answer == TryLater("cannot be reached (connection refused)")


async def test_a_host_without_an_address_is_tried_later(sender: HttpSender) -> None:
    answer = await sender.request("POST", URL("http://name.invalid/s3cret"), b"", {})
    assert answer == TryLater("has a host name that cannot be resolved")


async def test_a_connection_closed_before_the_answer_is_tried_later(sender: HttpSender) -> None:
    async with raw_server(b"") as url:
        answer = await sender.request("POST", url, b"", {})
    assert answer == TryLater("closed the connection before it answered")


async def test_an_answer_that_is_no_http_is_tried_later_and_is_not_quoted(sender: HttpSender) -> None:
    async with raw_server(b"SMTP ready s3cret\r\n\r\n") as url:
        answer = await sender.request("POST", url, b"", {})
    assert isinstance(answer, TryLater)
    assert "s3cret" not in answer.reason


async def test_a_server_that_speaks_no_tls_is_tried_later(sender: HttpSender, receiver: Receiver) -> None:
    answer = await sender.request("POST", URL(receiver.url).with_scheme("https"), b"", {})
    assert answer == TryLater("cannot be spoken to over TLS")


async def test_a_server_that_does_not_answer_is_given_up_and_tried_later(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", 0.2)
    receiver.plan(200).until = asyncio.Event()
    sender = HttpSender(SystemClock())
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    await sender.aclose()
    assert isinstance(answer, TryLater)
    assert answer.reason.startswith("gave no answer within")
    assert answer.cause is Cause.TIMED_OUT


async def test_a_status_counts_even_when_its_body_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", 0.2)
    sender = HttpSender(SystemClock())
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin"
    async with raw_server(head, then_hang=True) as url:
        answer = await sender.request("POST", url, b"", {})
        await sender.aclose()
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (200, b"begin")


async def test_a_body_is_read_up_to_a_cap(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(400, b"x" * 3_000_000)
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, Answer)
    assert len(answer.body) == 256 * 1024


async def test_a_compressed_bomb_is_not_unpacked(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, b"\x1f\x8b not even gzip", {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, Answer)
    assert answer.body.startswith(b"\x1f\x8b")


async def test_proxies_of_the_environment_are_not_used(
    sender: HttpSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert isinstance(await sender.request("POST", URL(receiver.url), b"{}", {}), Answer)


async def test_cookies_are_not_kept(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, b"", {"Set-Cookie": "a=b"})
    for _ in range(2):
        await sender.request("POST", URL(receiver.url), b"{}", {})
    assert "Cookie" not in receiver.seen[1].headers


async def test_a_sender_that_was_closed_opens_again(sender: HttpSender, receiver: Receiver) -> None:
    for _ in range(2):
        assert isinstance(await sender.request("POST", URL(receiver.url), b"{}", {}), Answer)
        await sender.aclose()


async def test_retry_after_as_a_date_is_read_by_the_clock(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(429, b"", {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, Answer)
    assert answer.retry_after == 0.0


async def test_a_date_is_seen_from_the_servers_own_time_whatever_our_clock_says(
    sender: HttpSender, receiver: Receiver
) -> None:
    dates = {"Date": "Sun, 01 Mar 2099 12:00:00 GMT", "Retry-After": "Sun, 01 Mar 2099 12:00:30 GMT"}
    receiver.plan(429, b"", dates)
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, Answer)
    assert answer.retry_after == 30.0
