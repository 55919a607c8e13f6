"""A client that speaks plain JSON-RPC to a proxy."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from scripts.devnet import Devnet
from tests.faults.hooks import Fault, Json
from tests.faults.proxy import Proxy
from tests.world.waiting import BOUND


class Caller:
    """A websocket client that keeps what is pushed to it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.pushed: list[Json] = []

    async def ask(self, method: str, *params: object) -> Any:
        """The whole answer, or its text where that is no JSON object with our id."""
        await self.socket.send_json({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        while True:
            text = await asyncio.wait_for(self.socket.receive_str(), BOUND)
            try:
                said = json.loads(text)
            except ValueError:
                return text
            if not isinstance(said, dict) or said.get("method") != "eth_subscription":
                return said
            self.pushed.append(said["params"]["result"])

    async def hear(self, number: int) -> list[Json]:
        """Wait for so many pushes."""
        while len(self.pushed) < number:
            said = json.loads(await asyncio.wait_for(self.socket.receive_str(), BOUND))
            self.pushed.append(said["params"]["result"])
        return self.pushed


@asynccontextmanager
async def calling(proxy: Proxy) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session, session.ws_connect(proxy.ws_url, max_msg_size=0) as socket:
        yield Caller(socket)


async def transfers(bridge: Devnet, number: int) -> Json:
    """Make so many xcalls on alpha; the filter that finds them."""
    alpha, beta = bridge.chains
    made = [await bridge.xcall(alpha, beta) for _ in range(number)]
    numbers = [hex(made[0].block_number), hex(made[-1].block_number)]
    xcalled = "0xed8e6ba697dd65259e5ce532ac08ff06d1a3607bcec58f8f0937fe36a5666c54"
    return {"address": alpha.contract, "topics": [[xcalled]], "fromBlock": numbers[0], "toBlock": numbers[1]}


async def logs_through(bridge: Devnet, proxy: Proxy, *faults: Fault) -> tuple[list[Json], list[Json]]:
    """The logs of six transfers as the node has them, and as they come through the faults."""
    log_filter = await transfers(bridge, 6)
    true: list[Json] = await bridge.chain("alpha").rpc("eth_getLogs", [log_filter])
    async with calling(proxy) as caller, proxy.suffering(*faults):
        return true, (await caller.ask("eth_getLogs", log_filter))["result"]
