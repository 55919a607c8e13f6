"""What an observer hands to the transfer checker."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.deadline import Effect
from connext_monitor.core.events import DomainId, Hash32, RawLog
from connext_monitor.core.recording import ChainProgress, Changes
from connext_monitor.monitoring.chain_data import MalformedEntry
from connext_monitor.monitoring.placed_log import PlacedLog

Vouch = Callable[[RawLog], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Observation:
    """Something seen on one chain.

    Logs that were pushed come alone: they are provisional and move nothing. A covered range brings ``progress``, and
    in ``gone`` the blocks that another hash was proven to stand in place of, and can ``vouch`` for a log that accuses
    somebody: whether it really stands in its block. ``history`` is a range that a backfill read.
    """

    domain: DomainId
    logs: Sequence[PlacedLog] = ()
    malformed: Sequence[MalformedEntry] = ()
    gone: frozenset[Hash32] = frozenset()
    progress: ChainProgress | None = None
    history: BlockRange | None = None
    vouch: Vouch | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What has just become durable.

    What follows for deadlines, how far chains are read, which alerts changed, and which events and transfers.
    """

    effects: Sequence[Effect]
    progress: Sequence[ChainProgress]
    changed_alerts: Sequence[str]
    changes: Changes = field(default_factory=Changes)


class CommitListener(Protocol):
    """Who acts on what has been committed."""

    def committed(self, news: Committed) -> None:
        """Take note; must not block and must not raise."""
        ...
