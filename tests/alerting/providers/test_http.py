"""Sending over HTTP: what a network does to it, and what must not get out."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from yarl import URL

from connext_monitor.alerting.providers.http.response import HttpResponse
from connext_monitor.alerting.providers.http.sender import HttpSender
from connext_monitor.alerting.providers.http.timing import AdaptiveTimeout
from connext_monitor.clock import SystemClock
from connext_monitor.core.delivery import FailureCause, TryLater
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.clocks import ManualClock
from tests.world.waiting import until


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
    assert isinstance(answer, TryLater)
    assert answer == TryLater("closed the connection before it answered")
    assert answer.cause is FailureCause.NOT_TAKEN  # a message may make its receiver fall over


async def test_a_host_that_takes_long_to_agree_on_tls_is_waited_for_longer_each_time() -> None:
    """As behind a loaded balancer: the connection stands at once, and TLS comes late."""
    clock = SystemClock()
    patience = AdaptiveTimeout(clock, 0.2, 0.8)
    sender = HttpSender(clock, patience)
    async with silent_server() as url:
        waited = []
        for _ in range(4):
            waited.append(patience.seconds)
            answer = await sender.request("POST", url, b"", {})
            assert answer == TryLater(f"cannot be connected to within {waited[-1]:g} s")
            assert answer.cause is FailureCause.UNREACHABLE  # no message is to blame for it
    assert waited == [0.2, 0.4, 0.8, 0.8]
    await sender.aclose()


@asynccontextmanager
async def silent_server() -> AsyncIterator[URL]:
    """A server that takes connections and says nothing; to be spoken to over TLS."""
    serving: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(writer)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        serving.remove(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret")
        await until(lambda: not serving)


async def test_an_answer_that_is_no_http_is_tried_later_and_is_not_quoted(sender: HttpSender) -> None:
    async with raw_server(b"SMTP ready s3cret\r\n\r\n") as url:
        answer = await sender.request("POST", url, b"", {})
    assert isinstance(answer, TryLater)
    assert "s3cret" not in answer.reason


async def test_a_server_that_speaks_no_tls_is_tried_later(sender: HttpSender, receiver: Receiver) -> None:
    answer = await sender.request("POST", URL(receiver.url).with_scheme("https"), b"", {})
    assert answer == TryLater("cannot be spoken to over TLS")


@asynccontextmanager
async def patient(first: float, longest: float) -> AsyncIterator[HttpSender]:
    clock = SystemClock()
    sender = HttpSender(clock, AdaptiveTimeout(clock, first, longest))
    yield sender
    await sender.aclose()


async def test_a_server_that_does_not_answer_is_given_up_and_tried_later(receiver: Receiver) -> None:
    receiver.plan(200).until = asyncio.Event()
    async with patient(0.2, 60.0) as sender:
        answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, TryLater)
    assert answer == TryLater("gave no answer within 0.2 s")
    assert answer.cause is FailureCause.TIMED_OUT


async def test_after_a_time_out_an_answer_is_waited_for_longer(receiver: Receiver) -> None:
    never = asyncio.Event()
    receiver.plan(200).until = never
    receiver.plan(200).until = slow = asyncio.Event()
    async with patient(0.2, 60.0) as sender:
        assert isinstance(await sender.request("POST", URL(receiver.url), b"", {}), TryLater)
        asyncio.get_running_loop().call_later(0.3, slow.set)
        assert isinstance(await sender.request("POST", URL(receiver.url), b"", {}), HttpResponse)
    never.set()


async def test_a_status_counts_even_when_its_head_never_ends() -> None:
    async with raw_server(b"HTTP/1.1 204 No Content\r\nDate: to", then_hang=True) as url, patient(0.2, 60.0) as sender:
        answer = await sender.request("POST", url, b"", {})
        await sender.aclose()
    assert isinstance(answer, HttpResponse)
    assert answer.status == 204


async def test_answers_that_come_together_are_not_mixed_up(receiver: Receiver) -> None:
    receiver.plan(500, b"", {"X": "x" * 300_000})
    async with patient(10.0, 60.0) as sender:
        url = URL(receiver.url)
        answers = await asyncio.gather(*(sender.request("POST", url, b"{}", {}) for _ in range(4)))
    assert sorted(answer.status for answer in answers if isinstance(answer, HttpResponse)) == [204, 204, 204, 500]


async def test_an_edit_is_waited_for_no_longer_than_it_may_be(receiver: Receiver) -> None:
    receiver.plan(200).until = never = asyncio.Event()
    async with patient(30.0, 60.0) as sender:
        answer = await sender.request("PATCH", URL(receiver.url), b"", {}, at_most=0.2)
    assert answer == TryLater("gave no answer within 0.2 s")
    never.set()


def manual_clock() -> ManualClock:
    return ManualClock(datetime.fromtimestamp(0, UTC))


def test_patience_doubles_up_to_a_minute() -> None:
    patience, waits = AdaptiveTimeout(manual_clock()), []
    for _ in range(5):
        waits.append(patience.seconds)
        patience.timed_out(patience.seconds)
    assert waits == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_patience_is_kept_while_answers_are_slow_and_an_hour_longer() -> None:
    clock = manual_clock()
    patience = AdaptiveTimeout(clock)
    patience.timed_out(10.0)
    clock.advance(3000)
    patience.answered(12.0)
    clock.advance(3000)
    patience.answered(0.1)
    assert patience.seconds == 20.0
    clock.advance(1000)
    assert patience.seconds == 10.0


async def test_a_status_counts_even_when_its_body_never_comes() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin"
    async with raw_server(head, then_hang=True) as url, patient(0.2, 60.0) as sender:
        answer = await sender.request("POST", url, b"", {})
        await sender.aclose()
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body, answer.whole) == (200, b"begin", False)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\nnot a length\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: today\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\nX: " + b"x" * 9_000 + b"\r\n\r\nHTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
    ],
    ids=[
        "cut off",
        "chunks",
        "length",
        "lengths",
        "both",
        "header",
        "head cut off",
        "1 MB",
        "after another",
        "after hints",
        "another version",
    ],
)
async def test_a_status_counts_whatever_becomes_of_its_rest(sender: HttpSender, reply: bytes) -> None:
    async with raw_server(reply) as url:
        answer = await sender.request("POST", url, b"", {})
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.whole) == (200, False)


@pytest.mark.parametrize(
    "more",
    [
        "Set-Cookie: " + "x" * 9_000,
        "Content-Security-Policy: " + "x" * 200_000,
        "\r\n".join(f"X-Header-{number}: {number}" for number in range(500)),
    ],
    ids=["9 kB", "200 kB", "500 headers"],
)
async def test_a_large_head_is_read_whole(sender: HttpSender, more: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{more}\r\nContent-Length: 2\r\n\r\nok"
    async with raw_server(head.encode()) as url:
        answer = await sender.request("POST", url, b"", {})
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body, answer.whole) == (200, b"ok", True)


@pytest.mark.parametrize("packed", [gzip.compress(b'{"id":"1"}'), zlib.compress(b'{"id":"1"}')], ids=["gzip", "zlib"])
async def test_what_is_packed_though_nobody_asked_for_it_is_read(
    sender: HttpSender, receiver: Receiver, packed: bytes
) -> None:
    receiver.plan(200, packed, {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert (answer.json, answer.whole) == ({"id": "1"}, True)


async def test_what_is_packed_is_unpacked_up_to_the_cap(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, gzip.compress(bytes(30_000_000)), {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert (len(answer.body), answer.whole) == (256 * 1024, False)


@pytest.mark.parametrize(
    "body", ['{"id": "é"}'.encode("latin-1"), '{"id": "1"}'.encode("utf-16"), b'\xef\xbb\xbf{"id":1}']
)
def test_json_is_read_in_whatever_it_is_encoded(body: bytes) -> None:
    assert "id" in HttpResponse(200, {}, body).json


async def test_a_body_is_read_up_to_a_cap(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(400, b"x" * 3_000_000)
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert (len(answer.body), answer.whole) == (256 * 1024, False)


async def test_what_is_said_to_be_packed_and_is_not_is_read_as_it_is(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, b"\x1f\x8b not even gzip", {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert answer.body.startswith(b"\x1f\x8b")


async def test_proxies_of_the_environment_are_not_used(
    sender: HttpSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert isinstance(await sender.request("POST", URL(receiver.url), b"{}", {}), HttpResponse)


async def test_cookies_are_not_kept(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, b"", {"Set-Cookie": "a=b"})
    for _ in range(2):
        await sender.request("POST", URL(receiver.url), b"{}", {})
    assert "Cookie" not in receiver.seen[1].headers


async def test_a_sender_that_was_closed_opens_again(sender: HttpSender, receiver: Receiver) -> None:
    for _ in range(2):
        assert isinstance(await sender.request("POST", URL(receiver.url), b"{}", {}), HttpResponse)
        await sender.aclose()


async def test_retry_after_as_a_date_is_read_by_the_clock(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(429, b"", {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert answer.retry_after == 0.0


async def test_a_date_is_seen_from_the_servers_own_time_whatever_our_clock_says(
    sender: HttpSender, receiver: Receiver
) -> None:
    dates = {"Date": "Sun, 01 Mar 2099 12:00:00 GMT", "Retry-After": "Sun, 01 Mar 2099 12:00:30 GMT"}
    receiver.plan(429, b"", dates)
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert answer.retry_after == 30.0
