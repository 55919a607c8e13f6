"""The headers seen lately, by hash."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from connext_monitor.core.events import BlockNumber, Hash32
from connext_monitor.monitoring.chain_data import Header

_CACHED_HEADERS = 4096
_LASTING = 1800
"""Seconds of block time: covers, second looks and lineages go back no further than finality usually is behind."""


class HeaderCache:
    """The headers lately seen, by hash: a block's time never changes.

    Those are kept that were seen last, at most ``most`` of them, and of those the ones stamped within the last half an
    hour; what is below a chain's checkpoint is forgotten.
    """

    def __init__(self, most: int = _CACHED_HEADERS) -> None:
        self._most = most
        self._headers: OrderedDict[Hash32, Header] = OrderedDict()
        self.get: Callable[[Hash32], Header | None] = self._headers.get
        """The header with this hash, if it was seen lately."""
        self._awaited: dict[Hash32, asyncio.Event] = {}

    def add(self, header: Header) -> None:
        """Keep it; those seen first make room."""
        self._headers[header.hash] = header
        while len(self._headers) > self._most or self._seen_first.timestamp < header.timestamp - _LASTING:
            self._headers.popitem(last=False)
        if (arrived := self._awaited.pop(header.hash, None)) is not None:
            arrived.set()

    def forget_below(self, number: BlockNumber) -> None:
        """Keep none of a block below that height."""
        for block_hash in [header.hash for header in self._headers.values() if header.number < number]:
            del self._headers[block_hash]

    @property
    def _seen_first(self) -> Header:
        return next(iter(self._headers.values()))

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
