"""The note of an outage without a disk."""

from connext_monitor.core.database_trouble import AnnouncedOutage


class MemoryNote:
    """Keeps what a later process knows; held to the real note by tests/store/test_outage_note.py."""

    def __init__(self, outage: AnnouncedOutage | None = None) -> None:
        self.outage = outage

    async def read(self) -> AnnouncedOutage | None:
        return self.outage

    async def write(self, outage: AnnouncedOutage) -> bool:
        self.outage = outage
        return True

    async def clear(self) -> None:
        self.outage = None
