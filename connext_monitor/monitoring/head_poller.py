"""Asks an endpoint that does not push for its head, again and again."""

import asyncio
from typing import NoReturn

from connext_monitor.config import ChainConfig
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.cover_recovery import pause_after, tries_of
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.json_rpc import RpcRefused

_OF_ALL_REQUESTS = 5
"""If an endpoint limits requests, one in so many may be for the head."""
_SHORTEST, _LONGEST = 0.5, 12.0
"""Seconds between two questions, whatever the chain's block time."""


class HeadPoller:
    """Polls the head of one endpoint for as long as it is in use."""

    def __init__(
        self,
        config: ChainConfig,
        endpoint: Endpoint,
        pooled: PooledEndpoint,
        requests: CoverRequests,
        longest: float,
        retry: float,
    ) -> None:
        """``longest``: seconds between two polls however few requests are allowed; ``retry``: of the first pause."""
        self._interval = min(_LONGEST, max(_SHORTEST, config.block_time.total_seconds()))
        self._endpoint = endpoint
        self._pooled = pooled
        self._requests = requests
        self._longest = longest
        self._retry = retry

    async def run(self) -> NoReturn:
        """Poll until the endpoint fails: EndpointUnavailable, or RpcRefused once its patience with us has run out."""
        failures = 0
        while True:
            # If few requests are allowed, most of them are for what the heads are about.
            pause = max(self._interval, min(self._longest, _OF_ALL_REQUESTS * self._endpoint.pacer.interval))
            try:
                self._requests.saw_head(await self._endpoint.head())
                failures = 0
            except RpcRefused as error:
                failures += 1
                if error.refusal.reaction is not Reaction.RATE or failures > tries_of(self._pooled):
                    raise
                pause = max(pause, pause_after(error, failures, self._retry))
            await asyncio.sleep(pause)
