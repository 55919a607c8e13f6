"""Looks at a chain that is not observed here: whether it could be, by as few requests as show that."""

import asyncio
from random import Random

import structlog

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig
from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.endpoint_pool import EndpointPool, OpenEndpoint, PooledEndpoint
from connext_monitor.monitoring.json_rpc import RpcError

_WITHIN = 5.0
"""Seconds for each endpoint."""

log = structlog.get_logger()


class ChainProbe:
    """The endpoints of a chain, asked one after the other until one sees enough of it.

    Each is asked for its newest block and for the logs of that; now and then, whether it serves the right chain.
    """

    def __init__(self, config: ChainConfig, open_endpoint: OpenEndpoint, clock: Clock, random: Random) -> None:
        self._config = config
        self._pool = EndpointPool(config, open_endpoint, clock, random)

    async def head(self, beyond: BlockNumber | None) -> BlockNumber | None:
        """The newest block of the first endpoint that has one beyond that, else of any; None where none answers."""
        heads: list[BlockNumber] = []
        for pooled in self._pool.endpoints:
            head = await self._head_of(pooled)
            if head is not None:
                heads.append(head)
                if beyond is None or head > beyond:
                    break
        return max(heads, default=None)

    async def _head_of(self, pooled: PooledEndpoint) -> BlockNumber | None:
        try:
            async with asyncio.timeout(_WITHIN), pooled.open(again=True) as endpoint:
                number = (await endpoint.head()).number
                await endpoint.events(self._config.domain_id, self._config.contract, number, number)
                return number
        except (RpcError, TimeoutError) as error:
            log.debug("chain.not_seen", chain=self._config.name, endpoint=pooled.host, reason=str(error))
            return None
