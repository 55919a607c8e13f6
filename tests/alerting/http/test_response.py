"""Responses of every shape: once the status is known, the message was taken or not."""

import asyncio
import gzip
import zlib

import pytest
from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.sender import HttpSender
from tests.alerting.http.servers import patient, raw_server
from tests.alerting.providers.webhook.vendor import Receiver


async def test_a_status_counts_even_when_its_head_never_ends() -> None:
    async with raw_server(b"HTTP/1.1 204 No Content\r\nDate: to", then_hang=True) as url, patient(0.2, 60.0) as sender:
        answer = await sender.request("POST", url, b"", {})
        await sender.aclose()
    assert isinstance(answer, HttpResponse)
    assert answer.status == 204


async def test_concurrent_responses_are_not_mixed_up(receiver: Receiver) -> None:
    receiver.plan(500, b"", {"X": "x" * 300_000})
    async with patient(10.0, 60.0) as sender:
        url = URL(receiver.url)
        answers = await asyncio.gather(*(sender.request("POST", url, b"{}", {}) for _ in range(4)))
    assert sorted(answer.status for answer in answers if isinstance(answer, HttpResponse)) == [204, 204, 204, 500]


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
async def test_an_unrequested_compression_is_read(sender: HttpSender, receiver: Receiver, packed: bytes) -> None:
    receiver.plan(200, packed, {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert (answer.json, answer.whole) == ({"id": "1"}, True)


async def test_a_body_is_decompressed_up_to_the_cap(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, gzip.compress(bytes(30_000_000)), {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert (len(answer.body), answer.whole) == (256 * 1024, False)


@pytest.mark.parametrize(
    "body", ['{"id": "é"}'.encode("latin-1"), '{"id": "1"}'.encode("utf-16"), b'\xef\xbb\xbf{"id":1}']
)
def test_json_is_read_in_any_encoding(body: bytes) -> None:
    assert "id" in HttpResponse(200, {}, body).json


async def test_a_body_is_read_up_to_a_cap(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(400, b"x" * 3_000_000)
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert (len(answer.body), answer.whole) == (256 * 1024, False)


async def test_a_body_falsely_called_compressed_is_read_as_it_is(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(200, b"\x1f\x8b not even gzip", {"Content-Encoding": "gzip"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert answer.body.startswith(b"\x1f\x8b")


async def test_retry_after_as_a_date_is_read_by_the_clock(sender: HttpSender, receiver: Receiver) -> None:
    receiver.plan(429, b"", {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert answer.retry_after == 0.0


async def test_a_retry_date_is_seen_from_the_servers_own_time(sender: HttpSender, receiver: Receiver) -> None:
    dates = {"Date": "Sun, 01 Mar 2099 12:00:00 GMT", "Retry-After": "Sun, 01 Mar 2099 12:00:30 GMT"}
    receiver.plan(429, b"", dates)
    answer = await sender.request("POST", URL(receiver.url), b"", {})
    assert isinstance(answer, HttpResponse)
    assert answer.retry_after == 30.0
