"""An endpoint of a simulated world, opened in virtual time and asked at an instant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from connext_monitor.config import ChainConfig
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.endpoint import Endpoint
from tests.simulation.endpoints import Endpoints, SimulatedClient, chain_table
from tests.simulation.small_worlds import HERE, POLLED, THERE, chain, story, transfer
from tests.simulation.story import EndpointFault, EndpointTraits, Reorg, Story
from tests.simulation.troubles import Beyond, EndpointTrouble
from tests.simulation.world import World
from tests.simulation.written_log import contract_of
from tests.world.virtual_time import run_virtually

CONTRACT = contract_of(HERE)
WHILE = 500.0
"""Seconds from the story's begin for which the faults of these tests last."""
CLAMPING = EndpointTraits(pushes=False, beyond=Beyond.CLAMP)

_T = TypeVar("_T")


def fault(trouble: EndpointTrouble, amount: float = 1.0, at: float = 0.0) -> EndpointFault:
    return EndpointFault(HERE, 0, at, WHILE - at, trouble, amount)


def story_of(
    *faults: EndpointFault, traits: EndpointTraits = POLLED, reorgs: tuple[Reorg, ...] = (), tagged: bool = False
) -> Story:
    """A story in which an endpoint of a chain has these faults, and three transfers are called on it early."""
    transfers = tuple(transfer(at) for at in (5.0, 15.0, 25.0))
    chains = (chain(HERE, traits, tagged=tagged), chain(THERE))
    return story(*transfers, chains=chains, endpoint_faults=faults, reorgs=reorgs)


class Opened:
    """An endpoint of a world that passes in virtual time."""

    def __init__(self, world: World, endpoints: Endpoints, client: SimulatedClient, endpoint: Endpoint) -> None:
        self.world = world
        self.endpoints = endpoints
        self.client = client
        self.endpoint = endpoint

    async def logs(self, first: int = 0, last: int | None = None) -> list[int]:
        """The nonces of the calls in these blocks, up to the real head if no last one is given."""
        self.world.advance(asyncio.get_running_loop().time())
        last = self.world.ledger(HERE).head.number if last is None else last
        fetched = await self.endpoint.logs(CONTRACT, [EVENT_TOPICS], BlockNumber(first), BlockNumber(last))
        return [int.from_bytes(log.topics[2]) for log in fetched.logs]


@asynccontextmanager
async def opened(world_of: Story) -> AsyncIterator[Opened]:
    world = World(world_of)
    endpoints = Endpoints(world, asyncio.get_running_loop().time)
    table = chain_table(world_of.chains[0]) | {"name": "here"}
    url = ChainConfig.model_validate(table).endpoints[0]
    async with endpoints.open_endpoint(url, on_request=lambda _method, _outcome: None) as endpoint:
        (client,) = endpoints.clients
        yield Opened(world, endpoints, client, endpoint)


def at(seconds: float, world_of: Story, ask: Callable[[Opened], Awaitable[_T]]) -> _T:
    """What is answered when it is asked at an instant, over a connection that was opened at the story's begin."""

    async def asked() -> _T:
        async with opened(world_of) as node:
            await asyncio.sleep(seconds - asyncio.get_running_loop().time())
            return await ask(node)

    return run_virtually(asked())
