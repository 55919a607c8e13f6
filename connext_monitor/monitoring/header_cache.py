"""The headers seen lately, by hash."""

import asyncio
from collections import OrderedDict

from connext_monitor.core.events import Hash32
from connext_monitor.monitoring.chain_data import Header

_CACHED_HEADERS = 4096


class HeaderCache:
    """The headers lately seen, by hash, at most ``most`` of them: a block's time never changes."""

    def __init__(self, most: int = _CACHED_HEADERS) -> None:
        self._most = most
        self._headers: OrderedDict[Hash32, Header] = OrderedDict()
        self._awaited: dict[Hash32, asyncio.Event] = {}

    def add(self, header: Header) -> None:
        """Keep it; the oldest make room."""
        self._headers[header.hash] = header
        while len(self._headers) > self._most:
            self._headers.popitem(last=False)
        if (arrived := self._awaited.pop(header.hash, None)) is not None:
            arrived.set()

    def get(self, block_hash: Hash32) -> Header | None:
        """The header with this hash, if it was seen lately."""
        return self._headers.get(block_hash)

    async def arrival(self, block_hash: Hash32, seconds: float) -> None:
        """Wait until the header is here, but no longer than that."""
        if block_hash in self._headers:
            return
        arrived = self._awaited.setdefault(block_hash, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await arrived.wait()
        except TimeoutError:
            self._awaited.pop(block_hash, None)
