"""A websocket that is closed, dropped, half-open, flooded or misused: nobody waits for ever, and nothing is lost in silence."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcLimits, RpcRefused
from tests.monitoring.nodes import (
    QUICK,
    Refusal,
    answering,
    error,
    failure_of,
    push,
    raises_safely,
    result,
    until,
    websocket_client,
    websocket_node,
    within_bound,
)

Behaviour = Callable[[ServerConnection], Awaitable[None]]


async def receive(connection: ServerConnection) -> dict[str, Any]:
    request: dict[str, Any] = json.loads(await connection.recv())
    return request


def closing(code: int, reason: str = "") -> Behaviour:
    async def behave(connection: ServerConnection) -> None:
        await receive(connection)
        await connection.close(code, reason)

    return behave


async def aborting(connection: ServerConnection) -> None:
    await receive(connection)
    connection.transport.abort()


ENDS = [
    (closing(1000), "closed the connection (code 1000)"),
    (closing(1001, "going away"), "closed the connection (code 1001: going away)"),
    (closing(1011, "internal"), "closed the connection (code 1011: internal)"),
    (closing(1009, "too big"), "closed the connection (code 1009: too big)"),
    (aborting, "dropped the connection"),
]
IDS = ["1000", "1001", "1011", "1009", "abort"]


@pytest.mark.parametrize(("behave", "words"), ENDS, ids=IDS)
async def test_requests_in_flight_end_with_the_connection(behave: Behaviour, words: str) -> None:
    async with websocket_node(behave) as url, websocket_client(url) as client:
        tasks = [asyncio.create_task(client.request("eth_any", [], timeout=60)) for _ in range(3)]
        failures = [str(await failure_of(task)) for task in tasks]
    assert failures == [f"127.0.0.1 {words}"] * 3


@pytest.mark.parametrize(("end", "words"), ENDS, ids=IDS)
async def test_a_subscription_ends_with_an_error_however_the_server_closes(end: Behaviour, words: str) -> None:
    async def behave(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        await end(connection)

    async with websocket_node(behave) as url, websocket_client(url) as client:
        pushes = await client.subscribe("newHeads")
        asking = asyncio.create_task(client.request("eth_any", [], timeout=60))
        failed = await failure_of(anext(pushes))
        await failure_of(asking)
    assert str(failed) == f"127.0.0.1 {words}"


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


async def test_a_request_that_cannot_even_be_sent_ends_and_gives_the_connection_up() -> None:
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
        websocket_node(answering(lambda _: error({"id": None}, -32005, "rate limited"))) as url,
        websocket_client(url) as client,
    ):
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 refused a request: rate limited (code -32005)"


@pytest.mark.parametrize("params", ["null", "[]", '{"subscription": "0x1"}', '{"subscription": {}, "result": 1}'])
async def test_a_push_that_cannot_be_read_ends_the_subscription(params: str) -> None:
    async def behave(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        await connection.send(f'{{"method": "eth_subscription", "params": {params}}}')

    async with websocket_node(behave) as url, websocket_client(url) as client:
        failed = await failure_of(anext(await client.subscribe("newHeads")))
    assert str(failed) == "127.0.0.1 pushed what is not JSON-RPC"


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
        assert client._pending == {}


# Subscriptions


def subscribed(after: Behaviour) -> Behaviour:
    """Accept one subscription as 0x1, then go on."""

    async def behave(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        await after(connection)

    return behave


async def test_pushes_come_in_order() -> None:
    async def after(connection: ServerConnection) -> None:
        for number in range(100):
            await connection.send(push("0x1", number))

    async with websocket_node(subscribed(after)) as url, websocket_client(url) as client:
        pushes = await client.subscribe("newHeads")
        assert [int(bytes(await within_bound(anext(pushes)))) for _ in range(100)] == list(range(100))


async def test_pushes_go_to_their_own_subscription() -> None:
    async def behave(connection: ServerConnection) -> None:
        for subscription in ("0xa", "0xb"):
            await connection.send(result(await receive(connection), subscription))
        await connection.send(push("0xb", "b"))
        await connection.send(push("0xa", "a"))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        heads, logs = await client.subscribe("newHeads"), await client.subscribe("logs", {})
        assert [bytes(await within_bound(anext(pushes))) for pushes in (heads, logs)] == [b'"a"', b'"b"']


async def test_a_push_before_the_answer_that_names_its_subscription_is_kept() -> None:
    async def behave(connection: ServerConnection) -> None:
        request = await receive(connection)
        await connection.send(push("0x1", "early"))
        await connection.send(push("0x2", "not ours"))
        await connection.send(result(request, "0x1"))
        await connection.send(push("0x1", "next"))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        pushes = await within_bound(client.subscribe("newHeads"))
        assert [bytes(await within_bound(anext(pushes))) for _ in range(2)] == [b'"early"', b'"next"']


async def test_a_push_in_the_same_segment_as_the_answer_is_kept() -> None:
    async def behave(connection: ServerConnection) -> None:
        request = await receive(connection)
        # Frames of a server are not masked: 0x81 and a length below 126 begin a short text (RFC 6455, 5.2).
        messages = [message.encode() for message in (result(request, "0x1"), push("0x1", 1), push("0x1", 2))]
        connection.transport.write(b"".join(bytes([0x81, len(message)]) + message for message in messages))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        pushes = await within_bound(client.subscribe("newHeads"))
        assert [bytes(await within_bound(anext(pushes))) for _ in range(2)] == [b"1", b"2"]


async def test_too_many_early_pushes_end_the_connection() -> None:
    async def behave(connection: ServerConnection) -> None:
        await receive(connection)
        for number in range(5_000):
            await connection.send(push("0x2", number))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        failed = await failure_of(client.subscribe("newHeads"))
    assert str(failed) == "127.0.0.1 was closed by us: we fell behind its pushes"


async def test_pushes_of_no_subscription_are_ignored() -> None:
    async def after(connection: ServerConnection) -> None:
        for number in range(5_000):
            await connection.send(push("0x2", number))
        await connection.send(push("0x1", "ours"))

    async with websocket_node(subscribed(after)) as url, websocket_client(url) as client:
        assert bytes(await within_bound(anext(await client.subscribe("newHeads")))) == b'"ours"'


@pytest.mark.parametrize("subscription", [None, {}, ["0x1"], 1.5])
async def test_a_subscribe_answered_without_a_subscription_fails(subscription: object) -> None:
    async with websocket_node(answering(lambda r: result(r, subscription))) as url, websocket_client(url) as client:
        failed = await failure_of(client.subscribe("newHeads"))
    assert str(failed) == "127.0.0.1 answered eth_subscribe without a subscription"


async def test_an_endpoint_that_cannot_push_refuses_as_unsupported() -> None:
    def answer(request: dict[str, Any]) -> str:
        return error(request, -32601, "the method eth_subscribe does not exist/is not available")

    async with websocket_node(answering(answer)) as url, websocket_client(url) as client:
        with raises_safely(RpcRefused) as refused:
            await client.subscribe("newHeads")
    assert refused.value.refusal.reaction is Reaction.UNSUPPORTED


async def flooding(connection: ServerConnection) -> None:
    """Push without end, and answer what is asked in between."""

    async def flood() -> None:
        while True:
            await connection.send(push("0x1", "x" * 100))

    async with asyncio.TaskGroup() as group:
        group.create_task(flood())
        async for message in connection:
            await connection.send(result(json.loads(message), "answered"))


async def test_a_consumer_that_does_not_read_starves_no_request() -> None:
    async def after(connection: ServerConnection) -> None:
        for _ in range(5_000):
            await connection.send(push("0x1", "x" * 100))
        await answering(lambda request: result(request, 1))(connection)

    async with websocket_node(subscribed(after)) as url, websocket_client(url) as client:
        await client.subscribe("newHeads")
        assert bytes(await within_bound(client.request("eth_any", []))) == b"1"


@pytest.mark.parametrize(
    "limits", [RpcLimits(queued_pushes=50, close_timeout=0.2), RpcLimits(queued_push_bytes=5_000, close_timeout=0.2)]
)
async def test_a_consumer_that_falls_behind_ends_the_connection_with_words(limits: RpcLimits) -> None:
    async with websocket_node(subscribed(flooding)) as url, websocket_client(url, limits) as client:
        await client.subscribe("newHeads")
        why = await within_bound(client.closed())
    assert str(why) == "127.0.0.1 was closed by us: we fell behind its pushes"


async def test_what_was_pushed_before_the_end_is_delivered_and_then_the_error() -> None:
    async def after(connection: ServerConnection) -> None:
        for number in range(3):
            await connection.send(push("0x1", number))
        await connection.close(1000)

    async with websocket_node(subscribed(after)) as url, websocket_client(url) as client:
        pushes = await client.subscribe("newHeads")
        await within_bound(client.closed())
        read = [bytes(await anext(pushes)) for _ in range(3)]
        await failure_of(anext(pushes))
    assert read == [b"0", b"1", b"2"]


async def test_a_subscription_that_has_ended_ends_every_later_read_too() -> None:
    async with (
        websocket_node(subscribed(lambda connection: connection.close(1000))) as url,
        websocket_client(url) as client,
    ):
        pushes = await client.subscribe("newHeads")
        failures = [str(await failure_of(anext(pushes))) for _ in range(2)]
    assert failures == ["127.0.0.1 closed the connection (code 1000)"] * 2


async def test_closing_a_subscription_unsubscribes_and_ends_its_iteration() -> None:
    asked: list[tuple[str, object]] = []

    def answer(request: dict[str, Any]) -> str:
        asked.append((request["method"], request["params"]))
        return result(request, "0x1")

    async with websocket_node(answering(answer)) as url, websocket_client(url) as client:
        pushes = await client.subscribe("logs", {"topics": []})
        await within_bound(pushes.aclose())
        assert [message async for message in pushes] == []
    assert asked == [("eth_subscribe", ["logs", {"topics": []}]), ("eth_unsubscribe", ["0x1"])]


async def test_closing_a_subscription_wakes_its_reader() -> None:
    async with websocket_node(answering(lambda r: result(r, "0x1"))) as url, websocket_client(url) as client:
        pushes = await client.subscribe("newHeads")
        reader = asyncio.create_task(_all_of(pushes))
        await asyncio.sleep(0)
        await pushes.aclose()
        assert await within_bound(reader) == []


async def _all_of(pushes: Any) -> list[object]:
    return [message async for message in pushes]


async def test_a_cancelled_subscribe_leaves_nothing_behind() -> None:
    asked: list[object] = []
    async with websocket_node(answering(asked.append)) as url, websocket_client(url) as client:
        task = asyncio.create_task(client.subscribe("newHeads"))
        await until(lambda: bool(asked))
        task.cancel()
        await asyncio.wait([task])
        assert (client._pending, client._subscriptions._queues) == ({}, {})


async def test_a_subscribe_cancelled_just_after_its_answer_was_read_leaves_nothing_behind() -> None:
    async with websocket_node(answering(lambda _: None)) as url, websocket_client(url) as client:
        task = asyncio.create_task(client.subscribe("newHeads"))
        await until(lambda: bool(client._pending))
        client._dispatch(result({"id": next(iter(client._pending))}, "0x1").encode())  # the task has not run since
        task.cancel()
        await asyncio.wait([task])
        assert (task.cancelled(), client._subscriptions._queues) == (True, {})


# The handshake


async def test_a_handshake_with_a_header_repeated_is_refused_in_words() -> None:
    async def behave(_connection: ServerConnection) -> None:
        raise AssertionError("the handshake was refused")

    refusal = Refusal(429, {"Retry-After": "5", "retry-after": "6"})
    async with websocket_node(behave, refusal) as url:

        async def ask() -> None:
            async with websocket_client(url):
                pass

        assert str(await failure_of(ask())) == "127.0.0.1 had too many requests from us (HTTP status 429)"


async def test_no_log_record_tells_a_secret_even_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with websocket_node(closing(1011, "pathsecret-1f0c")) as url, websocket_client(url, QUICK) as client:
        await failure_of(client.request("eth_any", []))
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not [message for message in ours if "secret" in message]
