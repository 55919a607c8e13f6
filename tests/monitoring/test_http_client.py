"""What is particular to HTTP: statuses beside error objects, ids, kept connections, and no pushes."""

import asyncio
import gzip
import json
import resource
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcError, RpcLimits, RpcRefused
from tests.monitoring.nodes import (
    Refusal,
    error,
    failure_of,
    http_client,
    http_node,
    posting,
    raises_safely,
    raw_node,
    refusing,
    result,
)
from tests.world.waiting import within_bound


async def ask(url: str) -> RpcError:
    """The error of one request."""
    async with http_client(url) as client:
        return await failure_of(client.request("eth_getLogs", []))


@pytest.mark.parametrize(("status", "reaction"), [(429, Reaction.RATE), (402, Reaction.RATE), (413, Reaction.RANGE)])
async def test_a_status_that_speaks_for_itself_is_a_refusal(status: int, reaction: Reaction) -> None:
    async with http_node(refusing(Refusal(status))) as url:
        failed = await ask(url)
    assert isinstance(failed, RpcRefused)
    assert failed.refusal.reaction is reaction


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
async def test_an_error_object_counts_whatever_status_brings_it(status: int) -> None:
    text = error({"id": 1}, -32005, "too many requests")
    async with http_node(refusing(Refusal(status, {"Retry-After": "3"}, text))) as url:
        failed = await ask(url)
    assert isinstance(failed, RpcRefused)
    assert (failed.refusal.reaction, failed.retry_after) == (Reaction.RATE, 3)


async def test_an_error_object_for_nobody_is_for_the_one_who_asked() -> None:
    async with http_node(refusing(Refusal(200, body=error({"id": None}, -32000, "header not found")))) as url:
        failed = await ask(url)
    assert isinstance(failed, RpcRefused)


async def test_a_server_error_with_an_unknown_error_object_is_worth_a_retry() -> None:
    async with http_node(refusing(Refusal(503, body=error({"id": 1}, -32000, "internal")))) as url:
        assert isinstance(await ask(url), EndpointUnavailable)


@pytest.mark.parametrize("strange", [7, 1.5, "7", "0x1", None])
async def test_the_answer_to_another_request_is_not_taken(strange: object) -> None:
    async with http_node(refusing(Refusal(200, body=result({"id": strange}, "0x1")))) as url:
        failed = await ask(url)
    assert str(failed) == "127.0.0.1 answered eth_getLogs with the answer to another request"


async def test_subscribing_is_refused_as_unsupported() -> None:
    async with http_node(refusing(Refusal(200))) as url, http_client(url) as client:
        with raises_safely(RpcRefused) as refused:
            await client.subscribe("newHeads")
    assert refused.value.refusal.reaction is Reaction.UNSUPPORTED


async def answer_once_a_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the first request, promise to keep the connection, and drop it at the second request."""
    request = await _read_post(reader)
    body = result(request, request["params"]).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await _read_post(reader)


async def _read_post(reader: asyncio.StreamReader) -> Any:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    return json.loads(await reader.readexactly(length))


async def test_a_kept_connection_that_turns_out_closed_costs_nothing() -> None:
    async with raw_node("http", answer_once_a_connection) as url, http_client(url) as client:
        answers = [bytes(await client.request("eth_any", [number])) for number in range(3)]
    assert answers == [b"[0]", b"[1]", b"[2]"]


async def test_a_server_that_always_drops_the_connection_is_said_in_words() -> None:
    async def drop(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await _read_post(reader)

    async with raw_node("http", drop) as url:
        assert str(await ask(url)) == "127.0.0.1 dropped the connection"


async def test_an_answer_cut_short_is_said_in_words() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _read_post(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with raw_node("http", cut) as url:
        assert str(await ask(url)) == "127.0.0.1 dropped the connection"


async def test_an_answer_that_never_ends_is_cut_off_at_its_limit() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1000)

    limits = RpcLimits(answer_bytes=10_000)
    async with http_node(endless) as url, http_client(url, limits) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 gave an answer that is too large"


async def test_an_answer_that_trickles_ends_by_the_timeout() -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with http_node(trickle) as url, http_client(url) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=0.2))
    assert str(failed) == "127.0.0.1 did not answer eth_any within 0.2 s"


async def test_a_compressed_answer_is_measured_unpacked() -> None:
    async def bomb(_request: web.Request) -> web.Response:
        response = web.Response(text=" " * 1_000_000)
        response.enable_compression()
        return response

    async with http_node(bomb) as url, http_client(url, RpcLimits(answer_bytes=100_000)) as client:
        failed = await failure_of(client.request("eth_any", []))
    assert str(failed) == "127.0.0.1 gave an answer that is too large"


_LONG = b"x" * 9_000
_HEADS = {
    "a line of 9 kB": b"HTTP/1.1 200 OK\r\nX-Policy: " + _LONG,
    "a line of 200 kB": b"HTTP/1.1 200 OK\r\nX-Policy: " + b"x" * 200_000,
    "many lines": b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"X-%d: 1" % number for number in range(500)),
    "many cookies": b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"Set-Cookie: c%d=" % n + _LONG for n in range(20)),
    "a long reason": b"HTTP/1.1 200 " + b"fine " * 2_000 + b"\r\nX-A: 1",
    "no content type": b"HTTP/1.1 200 OK\r\nX-A: 1",
    "an unknown charset": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=klingon",
}


def answering_raw(write: Callable[[bytes], bytes]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """Behaviour of a node that writes to each request what ``write`` makes of the answer's body, and then closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_post(reader)
        writer.write(write(result(request, "0x1").encode()))
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return behave


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    return head + b"%x;an=extension\r\n%s\r\n0\r\nX-Sum: %s\r\n\r\n" % (len(body), body, _LONG)


def zipped(body: bytes) -> bytes:
    body = gzip.compress(body)
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def under(head: bytes) -> Callable[[bytes], bytes]:
    return lambda body: head + b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


_WRITERS: dict[str, Callable[[bytes], bytes]] = {
    **{name: under(head) for name, head in _HEADS.items()},
    "chunks and a trailer": chunked,
    "gzip": zipped,
    "the old version": lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body,
}


@pytest.mark.parametrize("written", _WRITERS)
async def test_an_answer_is_taken_whatever_its_head_is_like(written: str) -> None:
    async with raw_node("http", answering_raw(_WRITERS[written])) as url, http_client(url) as client:
        assert bytes(await within_bound(client.request("eth_any", []))) == b'"0x1"'


async def test_an_answer_that_is_cut_off_is_none() -> None:
    def cut(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body) + 10, body)

    async with raw_node("http", answering_raw(cut)) as url:
        assert str(await ask(url)) == "127.0.0.1 dropped the connection"


async def test_logs_beyond_the_limit_are_refused_as_too_many_at_once() -> None:
    async with (
        http_node(posting(lambda request: result(request, "0" * 20_000))) as url,
        http_client(url, RpcLimits(answer_bytes=10_000)) as client,
    ):
        with raises_safely(RpcRefused) as refused:
            await client.request("eth_getLogs", [])
    assert refused.value.refusal.less_may_help


def packed_zeros(megabytes: int) -> bytes:
    """What gzip would make of so many, but for the time that it takes: packed once and repeated, each by itself."""
    zeros, crc = bytes(2**20), 0
    packing = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packing.compress(zeros) + packing.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        crc = zlib.crc32(zeros, crc)
    header, size = gzip.compress(b"")[:10], megabytes * len(zeros)
    return header + packed * megabytes + packing.flush() + crc.to_bytes(4, "little") + size.to_bytes(4, "little")


def test_packed_zeros_are_what_gzip_unpacks() -> None:
    assert gzip.decompress(packed_zeros(2)) == bytes(2**21)


async def test_little_that_unpacks_to_much_is_not_unpacked_whole() -> None:
    packed = packed_zeros(2**8)

    def bomb(_body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with raw_node("http", answering_raw(bomb)) as url, http_client(url, RpcLimits(answer_bytes=2**20)) as client:
        failed = await failure_of(client.request("eth_any", []))
    assert str(failed) == "127.0.0.1 gave an answer that is too large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17
