"""The simulated client and the real one say the same of requests, batches and subscriptions, however they end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connext_monitor.config import ChainConfig
from connext_monitor.monitoring.json_rpc import RpcCall, RpcClient, RpcError, RpcRefused
from tests.monitoring.nodes import answering, error, result, websocket_client, websocket_node
from tests.simulation.endpoints import Endpoints, chain_table
from tests.simulation.opened_endpoint import fault, story_of
from tests.simulation.small_worlds import PUSHING
from tests.simulation.troubles import EndpointTrouble
from tests.simulation.world import World
from tests.world.virtual_time import run_virtually
from tests.world.waiting import within_bound

CALL: RpcCall = ("eth_chainId", [])
LONG, SHORT = 60.0, 0.05
"""Seconds; whoever waits for the short ones is not answered."""
Ends = list[str]
Scenario = Callable[[RpcClient], Awaitable[Ends]]


async def end_of(asked: Awaitable[object]) -> str:
    """How it ended, without the endpoint's name."""
    try:
        await asked
    except RpcError as failed:
        return words_of(failed)
    return "answered"


def words_of(failed: RpcError) -> str:
    if isinstance(failed, RpcRefused):
        return f"refused: {failed.refusal.reaction.name}"
    return str(failed).removeprefix(f"{failed.host} ")


async def batch_of(client: RpcClient, seconds: float) -> Ends:
    try:
        outcomes = await client.request_batch([CALL, CALL], timeout=seconds)
    except RpcError as failed:
        return [f"all: {words_of(failed)}"]
    return [words_of(outcome) if isinstance(outcome, RpcError) else "answered" for outcome in outcomes]


async def asks(client: RpcClient) -> Ends:
    subscribed = await end_of(client.subscribe("newHeads"))
    return [subscribed, await end_of(client.request(*CALL, timeout=LONG)), *await batch_of(client, LONG)]


async def asks_in_vain(client: RpcClient) -> Ends:
    return [await end_of(client.request(*CALL, timeout=SHORT)), *await batch_of(client, SHORT)]


async def loses_the_connection(client: RpcClient) -> Ends:
    asked = await end_of(client.request(*CALL, timeout=LONG))
    after = [await end_of(client.request(*CALL, timeout=LONG)), *await batch_of(client, LONG)]
    return [asked, words_of(await client.closed()), *after]


async def closes_while_it_asks(client: RpcClient) -> Ends:
    asked = asyncio.create_task(end_of(client.request(*CALL, timeout=LONG)))
    together = asyncio.create_task(batch_of(client, LONG))
    closed = asyncio.create_task(client.closed())
    await asyncio.sleep(0)
    await client.aclose()
    await client.aclose()
    ends = [await asked, *await together, words_of(await closed)]
    return [*ends, await end_of(client.request(*CALL, timeout=LONG))]


async def closes_while_it_listens(client: RpcClient) -> Ends:
    pushes = await client.subscribe("newHeads")
    listening = asyncio.create_task(end_of(anext(pushes)))
    await asyncio.sleep(0)
    await client.aclose()
    return [await listening, await end_of(anext(pushes))]


def simulated(trouble: EndpointTrouble | None, scenario: Scenario) -> tuple[Ends, list[tuple[str, str]]]:
    async def main() -> tuple[Ends, list[tuple[str, str]]]:
        world = World(story_of(*([fault(trouble, at=30.0)] if trouble else []), traits=PUSHING))
        endpoints, counted = Endpoints(world, asyncio.get_running_loop().time), list[tuple[str, str]]()
        url = ChainConfig.model_validate(chain_table(world.story.chains[0]) | {"name": "here"}).endpoints[0]
        async with endpoints.open_endpoint(url, on_request=lambda *how: counted.append(how)):
            (client,) = endpoints.clients
            await asyncio.sleep(50)
            return await scenario(client), counted

    return run_virtually(main())


async def real(trouble: EndpointTrouble | None, scenario: Scenario) -> tuple[Ends, list[tuple[str, str]]]:
    def answer(request: dict[str, Any]) -> str | None:
        match trouble:
            case EndpointTrouble.HANG:
                return None
            case EndpointTrouble.MALFORMED:
                return "not json"
            case EndpointTrouble.REFUSE:
                return error(request, -32603, "Internal error")
            case _:
                return result(request, "0x1")

    counted: list[tuple[str, str]] = []
    async with (
        websocket_node(answering(answer)) as url,
        websocket_client(url, on_request=lambda *how: counted.append(how)) as client,
    ):
        return await within_bound(scenario(client)), counted


@pytest.mark.parametrize(
    ("trouble", "scenario"),
    [
        (None, asks),
        (EndpointTrouble.REFUSE, asks),
        (EndpointTrouble.HANG, asks_in_vain),
        (EndpointTrouble.MALFORMED, loses_the_connection),
        (EndpointTrouble.HANG, closes_while_it_asks),
        (None, closes_while_it_listens),
    ],
)
def test_both_clients_say_the_same(trouble: EndpointTrouble | None, scenario: Scenario) -> None:
    assert simulated(trouble, scenario) == asyncio.run(real(trouble, scenario))
