"""The endpoints of a simulated world as the monitor opens them: a simulated `RpcClient` under its own `Endpoint`.

They know the story's time from ``clock``, and wait in the running loop's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec

from connext_monitor.config import EndpointUrl
from connext_monitor.core.rpc_refusal import BATCH, Reaction, Refusal
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import (
    DEFAULT_TIMEOUT,
    EndpointUnavailable,
    OnRequest,
    RpcCall,
    RpcError,
    RpcMessage,
    RpcOutcome,
    RpcRefused,
    read_outcome,
    settle,
)
from connext_monitor.monitoring.rpc_batch import RpcBatch, decode_array
from connext_monitor.monitoring.subscriptions import PushQueue
from tests.simulation.batch_habits import BatchHabit, arranged, batch_habit
from tests.simulation.endpoint_view import Refused
from tests.simulation.feed import Feed
from tests.simulation.simulated_node import BrokenAnswer, SimulatedNode
from tests.simulation.story import ChainTraits
from tests.simulation.troubles import EndpointTrouble
from tests.simulation.world import World
from tests.simulation.written_log import contract_of

Clock = Callable[[], float]
"""Seconds of the story."""

_OPEN_TIMEOUT = 10.0
_SILENT = 30.0
"""Seconds for which a client whose host stands still answers no ping, after which the server hangs up."""
_QUEUED, _QUEUED_BYTES = 10_000, 64 * 2**20
_LONG = 1.0


def chain_table(chain: ChainTraits) -> dict[str, Any]:
    """The chain as a table of the config, without its name."""
    return {
        "chain_id": chain.chain_id,
        "domain_id": chain.domain,
        "contract": f"0x{contract_of(chain.domain).hex()}",
        "endpoints": [address_of(chain, index) for index in range(len(chain.endpoints))],
        "block_time": f"PT{chain.block_time:g}S",
        "finality": "finalized" if chain.tagged else chain.final_depth,
    }


def address_of(chain: ChainTraits, index: int) -> str:
    """The URL of an endpoint."""
    scheme = "ws" if chain.endpoints[index].pushes else "http"
    return f"{scheme}://endpoint{index}.chain{chain.domain}.simulated"


class Endpoints:
    """All endpoints of a world, for one monitor; ``clients`` are its open connections."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._clock = clock
        self.clients: dict[SimulatedClient, None] = {}
        self._nodes = {
            EndpointAddress(address_of(chain, index)).host: SimulatedNode(world, chain.domain, index)
            for chain in world.story.chains
            for index in range(len(chain.endpoints))
        }

    def open_endpoint(self, url: EndpointUrl, *, on_request: OnRequest) -> AbstractAsyncContextManager[Endpoint]:
        """See `OpenEndpoint`."""
        return self._opened(EndpointAddress(url), on_request)

    @asynccontextmanager
    async def _opened(self, address: EndpointAddress, on_request: OnRequest) -> AsyncIterator[Endpoint]:
        client = await open_client(self._nodes[address.host], address, on_request, self._clock)
        self.clients[client] = None
        try:
            yield Endpoint(client)
        finally:
            self.clients.pop(client, None)
            await client.aclose()

    def kill(self) -> None:
        """The monitor's process is gone: nothing is pushed to it any more, and nothing of it is woken by that."""
        for client in self.clients:
            client.kill()
        self.clients.clear()


async def open_client(
    node: SimulatedNode, address: EndpointAddress, on_request: OnRequest | None, clock: Clock
) -> "SimulatedClient":
    """Connect. Raises EndpointUnavailable."""
    if address.pushes:
        node.world.advance(clock())
        if EndpointTrouble.HANG in node.troubles:
            await asyncio.sleep(_OPEN_TIMEOUT)
            raise EndpointUnavailable(address.host, "did not open a connection in time")
        await asyncio.sleep(node.latency(node.troubles))
        node.world.advance(clock())
        if EndpointTrouble.DISCONNECT in node.troubles:
            raise EndpointUnavailable(address.host, "refused the connection")
    return SimulatedClient(node, address, on_request, clock)


class SimulatedClient:
    """An `RpcClient` to a simulated node; what waits in it ends when the connection is lost."""

    def __init__(
        self, node: SimulatedNode, address: EndpointAddress, on_request: OnRequest | None, clock: Clock
    ) -> None:
        self.host = address.host
        self.pushes = address.pushes
        self._node = node
        self._address = address
        self._on_request = on_request
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._stood_still = clock() - self._loop.time()
        self._why_lost: str | None = None
        self._lost = asyncio.Event()
        self._feed: Feed | None = None
        self._cut = self._cut_later()

    def _cut_later(self) -> asyncio.TimerHandle | None:
        now = self._clock()
        at = self._node.timeline.next_start(EndpointTrouble.DISCONNECT, now)
        if not self.pushes or at is None:
            return None
        return self._loop.call_later(at - now, self.lose, "closed the connection (code 1006)")

    # Requests

    async def request(
        self,
        method: str,
        params: Sequence[object],
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - as `RpcClient` has it
    ) -> msgspec.Raw:
        """See `RpcClient`."""
        outcome = await self._unanswered(method, timeout) or self._answer(method, params)
        return settle(outcome, method, self._on_request)

    async def request_batch(self, calls: Sequence[RpcCall], *, timeout: float = DEFAULT_TIMEOUT) -> list[RpcOutcome]:  # noqa: ASYNC109 - as above
        """See `RpcClient`."""
        batch = RpcBatch(self._address, calls, range(len(calls)))
        habit = batch_habit(self._node.traits.vendor)
        error = await self._unanswered(BATCH, timeout, deaf=habit is BatchHabit.DEAF)
        return batch.settle(error or self._answer_batch(batch, habit, calls), self._on_request)

    def _answer_batch(self, batch: RpcBatch, habit: BatchHabit, calls: Sequence[RpcCall]) -> RpcError | None:
        answers = []
        for number, (method, params) in enumerate(calls):
            try:
                said = b'"result":' + self._node.answer(method, params)
            except Refused as refused:
                said = b'"error":' + msgspec.json.encode({"code": refused.code, "message": refused.message})
            except BrokenAnswer:
                return self._broken()
            answers.append(b'{"id":%d,%b}' % (number, said))
        return batch.take_all(decode_array(arranged(habit, answers)))

    async def _unanswered(self, what: str, seconds: float, *, deaf: bool = False) -> EndpointUnavailable | None:
        """Wait for an answer; why there is none, if so."""
        node = self._node
        self.advance()
        troubles = node.troubles
        wait = seconds if deaf or EndpointTrouble.HANG in troubles else node.latency(troubles)
        if wait < min(_LONG, seconds):
            await asyncio.sleep(wait)
        else:
            await self._wait_long(min(wait, seconds))
        self.advance()
        troubles = node.troubles
        if self._why_lost is not None:
            return self.unavailable()
        if wait >= seconds or EndpointTrouble.HANG in troubles:
            return EndpointUnavailable(self.host, f"did not answer {what} within {seconds:g} s")
        if EndpointTrouble.DISCONNECT in troubles:
            return EndpointUnavailable(self.host, "refused the connection")
        return None

    async def _wait_long(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._lost.wait()
        except TimeoutError:
            pass

    def _answer(self, method: str, params: Sequence[Any]) -> RpcOutcome:
        try:
            return msgspec.Raw(self._node.answer(method, params))
        except Refused as refused:
            error = msgspec.json.encode({"code": refused.code, "message": refused.message})
            return read_outcome(self._address, method, RpcMessage(error=msgspec.Raw(error)), refused.status)
        except BrokenAnswer:
            return self._broken()

    def _broken(self) -> EndpointUnavailable:
        words = "gave an answer that is not JSON-RPC"
        if self.pushes:
            self.lose(words)
        return EndpointUnavailable(self.host, words)

    # Pushes

    async def subscribe(self, *params: object) -> PushQueue:
        """See `RpcClient`."""
        if not self.pushes:
            refusal = Refusal(Reaction.UNSUPPORTED, None, "an http endpoint cannot push; poll it")
            raise RpcRefused(self.host, "eth_subscribe", refusal)
        # Refused as anything else is; what the answer would be is only a name for the subscription.
        named = await self._unanswered("eth_chainId", DEFAULT_TIMEOUT) or self._answer("eth_chainId", [])
        settle(named, "eth_subscribe", self._on_request)
        if self._feed is None:
            self._feed = Feed(self._node, self._loop, self._clock, self.advance)
        queue = PushQueue(_QUEUED, _QUEUED_BYTES, self._unsubscribe)
        if self._why_lost is not None:
            queue.end(self.unavailable)
        self._feed.add(queue, params)
        return queue

    async def _unsubscribe(self, queue: PushQueue) -> None:
        if self._feed is not None:
            self._feed.remove(queue)

    # The connection

    def advance(self) -> None:
        """Bring the world to now; a server hangs up on whoever has stood still for long."""
        now = self._clock()
        self._node.world.advance(now)
        stood_still = now - self._loop.time()
        if self.pushes and stood_still - self._stood_still > _SILENT:
            self.lose("closed the connection (code 1006)")
        self._stood_still = stood_still

    def lose(self, why: str) -> None:
        """The connection is gone; the first reason stands."""
        if self._why_lost is not None:
            return
        self._why_lost = why
        self._lost.set()
        if self._cut is not None:
            self._cut.cancel()
        if self._feed is not None:
            self._feed.end(self.unavailable)

    def kill(self) -> None:
        """Nobody is there any more to be told anything."""
        if self._cut is not None:
            self._cut.cancel()
        if self._feed is not None:
            self._feed.kill()

    def unavailable(self) -> EndpointUnavailable:
        """Why it is gone."""
        return EndpointUnavailable(self.host, self._why_lost or "is not gone")

    async def closed(self) -> EndpointUnavailable:
        """See `RpcClient`."""
        await self._lost.wait()
        return self.unavailable()

    async def aclose(self) -> None:
        """See `RpcClient`."""
        self.lose("was closed by us")
