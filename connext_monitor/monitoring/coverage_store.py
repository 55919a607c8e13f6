"""What covering reads from the database."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from connext_monitor.core.coverage import BlockRange, Coverage, StoredRange
from connext_monitor.core.events import DomainId
from connext_monitor.monitoring.anchors import AnchorStore
from connext_monitor.monitoring.nonce_holes import HoleStore


class CoverageStore(HoleStore, AnchorStore, Protocol):
    """What is stored of a chain's blocks."""

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far the chain has been read."""
        ...

    async def stored(self, domain: DomainId, blocks: BlockRange) -> StoredRange:
        """What is stored of these blocks."""
        ...

    async def malformed_since(self, domain: DomainId, raws: Collection[bytes]) -> datetime | None:
        """When the first of these logs that could not be read was seen; None where none of them was."""
        ...
