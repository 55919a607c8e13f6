"""What an endpoint pushes arrives in order, however it comes; floods and ends are told, and never in silence."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import RpcLimits, RpcRefused
from connext_monitor.monitoring.subscriptions import PushQueue
from tests.monitoring.nodes import (
    ENDS,
    IDS,
    Behaviour,
    answering,
    error,
    failure_of,
    push,
    raises_safely,
    receive,
    result,
    websocket_client,
    websocket_node,
)
from tests.world.waiting import until, within_bound


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


async def test_a_burst_is_what_has_come_and_no_more_than_asked() -> None:
    async def unsubscribed(_: PushQueue) -> None:
        return None

    pushes = PushQueue(10, 9, unsubscribed)
    waiting = asyncio.create_task(pushes.burst(3))
    await asyncio.sleep(0)
    assert [pushes.put(msgspec.Raw(b"%d" % number)) for number in range(9)] == [True] * 9
    assert [bytes(push) for push in await within_bound(waiting)] == [b"0", b"1", b"2"]
    assert [pushes.put(msgspec.Raw(b"9999")), pushes.put(msgspec.Raw(b"999"))] == [False, True]
    assert [bytes(push) for push in await pushes.burst(100)] == [b"3", b"4", b"5", b"6", b"7", b"8", b"999"]
    pushes.put(msgspec.Raw(b"1"))
    await pushes.aclose()
    with pytest.raises(StopAsyncIteration):
        await pushes.burst(1)


@pytest.mark.parametrize(("answered", "pushed"), [(7, "7"), ("7", 7), ("0xAB", "0xab")])
async def test_a_subscription_is_known_in_whatever_form_its_id_comes(answered: object, pushed: object) -> None:
    async def behave(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), answered))
        await connection.send(push(pushed, 1))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        pushes = await within_bound(client.subscribe("newHeads"))
        assert bytes(await within_bound(anext(pushes))) == b"1"


async def test_a_push_in_the_same_segment_as_the_answer_is_kept() -> None:
    async def behave(connection: ServerConnection) -> None:
        request = await receive(connection)
        # Frames of a server are not masked: 0x81 and a length below 126 begin a short text (RFC 6455, 5.2).
        messages = [message.encode() for message in (result(request, "0x1"), push("0x1", 1), push("0x1", 2))]
        connection.transport.write(b"".join(bytes([0x81, len(message)]) + message for message in messages))

    async with websocket_node(behave) as url, websocket_client(url) as client:
        pushes = await within_bound(client.subscribe("newHeads"))
        assert [bytes(await within_bound(anext(pushes))) for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize(("count", "pushed"), [(1_001, "short"), (17, "x" * 2**20)], ids=["many", "large"])
async def test_too_many_early_pushes_end_the_connection(count: int, pushed: str) -> None:
    async def behave(connection: ServerConnection) -> None:
        await receive(connection)
        for _ in range(count):
            await connection.send(push("0x2", pushed))

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
            # Else it would fill the buffers of both sockets before whoever reads here has its first turn.
            await asyncio.sleep(0)

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
    "limits",
    [
        RpcLimits(queued_pushes=50, close_timeout=0.2),
        RpcLimits(queued_push_bytes=5_000, close_timeout=0.2),
    ],
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
        assert (client.under_way, client.subscribed) == (0, 0)


async def test_a_subscribe_cancelled_just_after_its_answer_was_read_leaves_nothing_behind() -> None:
    asked: list[dict[str, Any]] = []
    async with websocket_node(answering(asked.append)) as url, websocket_client(url) as client:
        task = asyncio.create_task(client.subscribe("newHeads"))
        await until(lambda: bool(asked))
        client._dispatch(result(asked[0], "0x1").encode())  # the task has not run since
        task.cancel()
        await asyncio.wait([task])
        assert (task.cancelled(), client.subscribed) == (True, 0)


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


@pytest.mark.parametrize("params", ["null", "[]", '{"subscription": "0x1"}', '{"subscription": {}, "result": 1}'])
async def test_a_push_that_cannot_be_read_ends_the_subscription(params: str) -> None:
    async def behave(connection: ServerConnection) -> None:
        await connection.send(result(await receive(connection), "0x1"))
        await connection.send(f'{{"method": "eth_subscription", "params": {params}}}')

    async with websocket_node(behave) as url, websocket_client(url) as client:
        failed = await failure_of(anext(await client.subscribe("newHeads")))
    assert str(failed) == "127.0.0.1 pushed something that is not JSON-RPC"
