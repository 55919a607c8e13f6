"""What an observer hands to the transfer checker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import DomainId, Hash32, SeenLog
from connext_monitor.core.leg_effects import Effect
from connext_monitor.core.recording import Changes
from connext_monitor.core.structs import struct
from connext_monitor.monitoring.chain_data import MalformedEntry
from connext_monitor.monitoring.decoded_log import DecodedLog

Vouch = Callable[[SeenLog], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Observation:
    """Something seen on one chain.

    Logs that were pushed come alone: they are provisional and move nothing. A covered range brings ``progress``, and
    in ``gone`` the blocks that another hash was proven to stand in place of, and can ``vouch`` for a log that accuses
    somebody: whether it really stands in its block. ``history`` is a range that a backfill read.
    """

    domain: DomainId
    logs: Sequence[DecodedLog] = ()
    malformed: Sequence[MalformedEntry] = ()
    gone: frozenset[Hash32] = frozenset()
    progress: ChainProgress | None = None
    history: BlockRange | None = None
    vouch: Vouch | None = None


class ObservationSink(Protocol):
    """Where observations wait to be committed, in order: the queue of a transfer checker."""

    async def put(self, observation: Observation) -> asyncio.Future[None]:
        """Queue it, waiting for room; the future is done once it is committed, or fails with what prevented that."""
        ...


async def record(sink: ObservationSink, observation: Observation) -> None:
    """Queue an observation and wait until it is committed."""
    await (await sink.put(observation))


@struct(frozen=True, slots=True)
class Committed:
    """What has just become durable.

    What follows for deadlines, how far chains are read, which alerts changed, which events and transfers, and how many
    malformed logs of which chains were kept.
    """

    effects: Sequence[Effect]
    progress: Sequence[ChainProgress]
    changed_alerts: Sequence[str]
    changes: Changes = field(default_factory=Changes)
    malformed: Mapping[DomainId, int] = field(default_factory=dict)


class CommitListener(Protocol):
    """Who acts on what has been committed."""

    def committed(self, news: Committed) -> None:
        """Take note; must not block and must not raise."""
        ...
