"""A real store and the queue of a real checker, as what covers a chain sees them: no nonce is missing."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from connext_monitor.core.coverage import BlockRange, Coverage, StoredRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.observation import Observation, ObservationSink
from tests.monitoring.checking import Checking


class CoverersStore:
    """Passes everything on."""

    def __init__(self, real: Checking) -> None:
        self._store: CoverageStore = real.store.chains
        self._queue: ObservationSink = real.queue

    async def coverage(self, domain: DomainId) -> Coverage | None:
        return await self._store.coverage(domain)

    async def anchors(self, domain: DomainId, most: int = 256) -> list[tuple[BlockNumber, Hash32]]:
        return await self._store.anchors(domain, most)

    async def nonce_hole(self, domain: DomainId, above: int = 0) -> None:
        del domain, above

    async def malformed_since(self, domain: DomainId, raws: Collection[bytes]) -> datetime | None:
        return await self._store.malformed_since(domain, raws)

    async def stored(self, domain: DomainId, blocks: BlockRange) -> StoredRange:
        return await self._store.stored(domain, blocks)

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        return await self._queue.put(observation)
