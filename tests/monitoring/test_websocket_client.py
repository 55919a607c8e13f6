"""A websocket that is closed, dropped, half-open, or misused: nobody waits for ever."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcLimits, RpcRefused
from tests.monitoring.nodes import (
    ENDS,
    IDS,
    QUICK,
    Behaviour,
    Refusal,
    answering,
    closing,
    error,
    failure_of,
    push,
    receive,
    result,
    websocket_client,
    websocket_node,
)
from tests.world.waiting import within_bound


@pytest.mark.parametrize(("behave", "words"), ENDS, ids=IDS)
async def test_requests_in_flight_end_with_the_connection(behave: Behaviour, words: str) -> None:
    async with websocket_node(behave) as url, websocket_client(url) as client:
        tasks = [asyncio.create_task(client.request("eth_any", [], timeout=60)) for _ in range(3)]
        failures = [str(await failure_of(task)) for task in tasks]
    assert failures == [f"127.0.0.1 {words}"] * 3


@pytest.mark.parametrize(("behave", "words"), ENDS, ids=IDS)
async def test_closed_returns_why_the_connection_is_gone(behave: Behaviour, words: str) -> None:
    async with websocket_node(behave) as url, websocket_client(url) as client:
        await failure_of(client.request("eth_any", [], timeout=60))
        assert str(await within_bound(client.closed())) == f"127.0.0.1 {words}"


async def test_a_request_on_a_lost_connection_fails_at_once_with_its_reason() -> None:
    async with websocket_node(closing(1001)) as url, websocket_client(url) as client:
        await failure_of(client.request("eth_any", [], timeout=60))
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 closed the connection (code 1001)"


async def test_a_connection_that_stops_answering_pings_is_found_out() -> None:
    async def half_open(connection: ServerConnection) -> None:
        connection.transport.pause_reading()

    limits = RpcLimits(ping_interval=0.02, ping_timeout=0.02, close_timeout=0.02)
    async with websocket_node(half_open) as url, websocket_client(url, limits) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 stopped answering pings"


async def test_a_close_that_is_not_answered_ends_in_a_task_cancelled_before() -> None:
    """As one is in which a group of tasks failed; Python 3.11.2 raises CancelledError there when a time-out ends."""

    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()

    async def close_after_cancellation() -> int:
        cancelled = asyncio.current_task()
        assert cancelled is not None
        cancelled.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        await client.aclose()
        return cancelled.cancelling()

    async with websocket_node(deaf) as url, websocket_client(url, RpcLimits(close_timeout=0.02)) as client:
        assert await within_bound(asyncio.create_task(close_after_cancellation())) == 1


async def test_a_flood_of_messages_leaves_the_event_loop_to_others() -> None:
    frame = Frame(Opcode.TEXT, push("0x1", 1).encode()).serialize(mask=False)

    async def flooding(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        connection.transport.write(frame * 9_000)

    came = 0

    async def count() -> None:
        nonlocal came
        async for _ in await client.subscribe("newHeads"):
            came += 1

    async with websocket_node(flooding) as url, websocket_client(url) as client:
        counting, at_a_time, before = asyncio.create_task(count()), [0], 0
        while came < 9_000 and not counting.done():
            await asyncio.sleep(0)
            at_a_time.append(came - before)
            before = came
        counting.cancel()
    assert (came, max(at_a_time) <= 200) == (9_000, True), max(at_a_time)


async def test_after_a_hundred_messages_of_a_flood_the_reader_rests() -> None:
    limits = replace(QUICK, flood=3600.0, flood_rest=0.3)

    async def flooding(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        for number in range(150):
            await connection.send(push("0x1", number))

    clock = asyncio.get_running_loop()
    async with websocket_node(flooding) as url, websocket_client(url, limits) as client:
        began = clock.time()
        pushes = await client.subscribe("newHeads")
        for _ in range(150):
            await within_bound(anext(pushes))
        assert clock.time() - began >= 0.3


async def test_messages_that_come_slowly_are_read_without_a_rest() -> None:
    more = asyncio.Semaphore(0)

    async def pushing(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        for number in range(240):
            if number % 40 == 0:
                await more.acquire()
            await connection.send(push("0x1", number))

    limits = replace(QUICK, flood_rest=100.0)
    async with websocket_node(pushing) as url, websocket_client(url, limits) as client:
        pushes = await client.subscribe("newHeads")
        for number in range(240):
            if number % 40 == 0:
                # Twice among any hundred messages, which so take longer than a flood of them does.
                await asyncio.sleep(0.06)
                more.release()
            assert int(bytes(await within_bound(anext(pushes)))) == number


async def test_a_request_that_cannot_be_sent_ends_the_connection() -> None:
    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()

    async with websocket_node(deaf) as url, websocket_client(url) as client:
        await failure_of(client.request("eth_any", ["0" * 32 * 2**20], timeout=0.2))
        assert str(await within_bound(client.closed())) == "127.0.0.1 stopped reading"


@pytest.mark.parametrize("message", ["not json", "[]", '{"id": null, "result": 1}', '{"result": 1}', "{}"])
async def test_a_message_for_nobody_ends_every_request(message: str) -> None:
    async def behave(connection: ServerConnection) -> None:
        await receive(connection)
        await receive(connection)
        await connection.send(message)

    async with websocket_node(behave) as url, websocket_client(url) as client:
        tasks = [asyncio.create_task(client.request("eth_any", [], timeout=60)) for _ in range(2)]
        failures = [await failure_of(task) for task in tasks]
    assert [type(failed) for failed in failures] == [EndpointUnavailable] * 2


async def test_an_error_without_an_id_is_told_in_its_own_words() -> None:
    async with (
        websocket_node(answering(lambda _: error({"id": None}, -32700, "parse error"))) as url,
        websocket_client(url) as client,
    ):
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 refused a request: parse error (code -32700)"


async def test_a_rate_refusal_without_an_id_refuses_all_requests_in_flight() -> None:
    messages = iter([error({"id": None}, -32005, "rate limited"), None])

    def answer(request: dict[str, Any]) -> str:
        return next(messages, None) or result(request, "0x1")

    async with websocket_node(answering(answer)) as url, websocket_client(url) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=60))
        assert bytes(await within_bound(client.request("eth_any", []))) == b'"0x1"'
    assert isinstance(failed, RpcRefused)
    assert (failed.method, failed.refusal.reaction) == ("eth_any", Reaction.RATE)


async def test_answers_out_of_order_find_their_requests() -> None:
    async def behave(connection: ServerConnection) -> None:
        requests = [await receive(connection) for _ in range(3)]
        for request in reversed(requests):
            await connection.send(result(request, request["params"][0]))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        answers = await within_bound(asyncio.gather(*(client.request("eth_any", [n]) for n in range(3))))
    assert [bytes(answer) for answer in answers] == [b"0", b"1", b"2"]


async def test_repeated_unknown_and_foreign_answers_are_ignored() -> None:
    async def behave(connection: ServerConnection) -> None:
        request = await receive(connection)
        for stray in ({"id": 99}, {"id": "text"}, request, request):
            await connection.send(result(stray, "first"))
        await connection.send(result(request, "repeated"))
        await connection.send(json.dumps({"method": "eth_other", "params": {}}))
        await connection.send(result(await receive(connection), "second"))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        answers = [bytes(await within_bound(client.request("eth_any", []))) for _ in range(2)]
    assert answers == [b'"first"', b'"second"']


async def test_a_late_answer_is_ignored() -> None:
    async def behave(connection: ServerConnection) -> None:
        late = await receive(connection)
        in_time = await receive(connection)
        await connection.send(result(late, "late"))
        await connection.send(result(in_time, "in time"))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        await failure_of(client.request("eth_any", [], timeout=0.01))
        assert bytes(await within_bound(client.request("eth_any", []))) == b'"in time"'


async def test_ended_requests_leave_nothing_behind() -> None:
    async with (
        websocket_node(answering(lambda r: result(r, 1) if r["method"] == "good" else None)) as url,
        websocket_client(url) as client,
    ):
        cancelled = asyncio.create_task(client.request("cancelled", []))
        await failure_of(client.request("silent", [], timeout=0.01))
        await client.request("good", [])
        cancelled.cancel()
        await asyncio.wait([cancelled])
        assert client.under_way == 0


async def test_a_handshake_with_a_header_repeated_is_refused_in_words() -> None:
    async def behave(_connection: ServerConnection) -> None:
        raise AssertionError("the handshake was refused")

    refusal = Refusal(429, {"Retry-After": "5", "retry-after": "6"})
    async with websocket_node(behave, refusal) as url:

        async def ask() -> None:
            async with websocket_client(url):
                pass

        assert str(await failure_of(ask())) == "127.0.0.1 received too many requests from us (HTTP status 429)"


class Kept(logging.Handler):
    """Every record that reaches the root, in words."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("websockets.server"):
            self.messages.append(record.getMessage())


@pytest.fixture
def everything_logged() -> Iterator[Kept]:
    kept, root = Kept(), logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(kept)
    logging.getLogger("tests").debug("kept")
    yield kept
    root.removeHandler(kept)
    root.setLevel(before)


async def test_no_log_record_tells_a_secret_even_at_debug_level(everything_logged: Kept) -> None:
    async with websocket_node(closing(1011, "pathsecret-1f0c")) as url, websocket_client(url, QUICK) as client:
        await failure_of(client.request("eth_any", []))
    assert "kept" in everything_logged.messages
    assert not [message for message in everything_logged.messages if "secret" in message]


@pytest.mark.parametrize(
    "headers",
    [{"X-Policy": "x" * 9_000}, {"X-Policy": "x" * 200_000}, {f"X-{number}": "1" for number in range(500)}],
    ids=["a line of 9 kB", "a line of 200 kB", "many lines"],
)
async def test_a_handshake_is_taken_however_much_it_says(headers: dict[str, str]) -> None:
    async with (
        websocket_node(answering(lambda request: result(request, 1)), headers=headers) as url,
        websocket_client(url) as client,
    ):
        assert bytes(await within_bound(client.request("eth_any", []))) == b"1"
