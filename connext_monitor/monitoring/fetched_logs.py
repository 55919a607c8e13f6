"""What an endpoint answers to eth_getLogs, and whether that is to be believed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from connext_monitor.core.events import SeenLog
from connext_monitor.monitoring.chain_data import MalformedEntry
from connext_monitor.monitoring.json_rpc import EndpointUnavailable

FetchedLog = TypeVar("FetchedLog", bound=SeenLog)

MOST_MALFORMED: Final = 1_000
"""Entries of one answer that are not logs we asked for; beyond that the rest of the answer is not looked at."""


@dataclass(frozen=True, slots=True)
class FetchedLogs(Generic[FetchedLog]):
    """The logs of an answer in the endpoint's order, and its entries that are not logs we asked for."""

    logs: list[FetchedLog]
    malformed: list[MalformedEntry]

    def take(self, entries: Iterable[FetchedLog | MalformedEntry]) -> None:
        """Add what an answer goes on with."""
        together = list(entries)
        # As nearly always; `isinstance` takes longer to say so of each.
        if MalformedEntry not in set(map(type, together)):
            self.logs.extend(cast("list[FetchedLog]", together))
            return
        for entry in together:
            if isinstance(entry, MalformedEntry):
                self.malformed.append(entry)
            else:
                self.logs.append(entry)

    @property
    def doubt(self) -> str | None:
        """Why the answer is not to be believed, in words that follow the endpoint's host; None if it is."""
        if len(self.malformed) > MOST_MALFORMED:
            return f"gave more than {MOST_MALFORMED:,} entries that are not logs we asked for"
        unreadable = [entry.reason for entry in self.malformed if entry.unreadable]
        if not unreadable:
            return None
        count = "a log" if len(unreadable) == 1 else f"{len(unreadable):,} logs"
        return f"gave {count} that cannot be read; the first: {unreadable[0]}"


class LogsNotBelieved(EndpointUnavailable):
    """An answer in which a log that we asked for may be unreadable; ``fetched`` is what can be read of it."""

    def __init__(self, host: str, reason: str, fetched: FetchedLogs[Any]) -> None:
        super().__init__(host, reason)
        self.fetched = fetched
