"""What becomes of an observation: the parts in which it is committed."""

from connext_monitor.core.batch import ChainProgress, UnreadableLog
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_records import numbered
from connext_monitor.core.events import DomainId
from connext_monitor.core.history import HistoryRead
from connext_monitor.core.structs import replace, struct
from connext_monitor.core.transfer import ObservedChange, PackedRecord, Provenance, SeenRecord
from connext_monitor.monitoring.observation import Observation

_LOGS_OF_A_PART = 1000
"""Larger observations are committed in parts, so that no chain takes a whole transaction to itself."""


@struct(frozen=True, slots=True)
class CommitPart:
    """An observation or a part of it, by what becomes of what it holds."""

    domain: DomainId
    change: ObservedChange
    unreadable: list[UnreadableLog]
    progress: ChainProgress | None
    history: HistoryRead | None

    @property
    def size(self) -> int:
        """How many logs it holds."""
        return len(self.change.seen) + len(self.change.bridge) + len(self.unreadable)


async def read_observation(observation: Observation) -> CommitPart:
    """Sort what an observation holds; a log that accuses somebody does so only if it is vouched for."""
    domain = observation.domain
    seen: list[SeenRecord] = []
    bridge: list[BridgeRecord] = []
    unreadable = [UnreadableLog(domain, bad.json, bad.reason) for bad in observation.malformed]
    for decoded in observation.logs:
        content = decoded.content
        if type(content) is PackedRecord:  # as nearly every one is
            seen.append(content)
        elif isinstance(content, UnreadableLog):
            proven = (
                content.delivery is not None and observation.vouch is not None and await observation.vouch(decoded.log)
            )
            unreadable.append(content if proven else replace(content, delivery=None))
        elif isinstance(content, BridgeRecord):
            bridge.append(content)
        elif content is not None:
            seen.append(content)
    gone = frozenset((domain, block_hash) for block_hash in observation.gone)
    history = HistoryRead(domain, observation.history) if observation.history is not None else None
    change = ObservedChange(tuple(seen), gone, numbered(bridge) if bridge else (), _provenance(observation))
    return CommitPart(domain, change, unreadable, observation.progress, history)


def _provenance(observation: Observation) -> Provenance:
    if observation.history is not None:
        return Provenance.HISTORY
    return Provenance.PUSHED if observation.progress is None else Provenance.COVERED


def parts_of(whole: CommitPart) -> list[CommitPart]:
    """The same in parts of bounded size; what says that something was read or is gone comes with the last part.

    So do all events besides transfers, which are few: what they say may depend on all of a block having been read.
    """
    seen, bad = whole.change.seen, whole.unreadable
    most, parts, first = max(len(seen), len(bad)), [], 0
    if most <= _LOGS_OF_A_PART:
        return [whole]
    while most - first > _LOGS_OF_A_PART:
        end = first + _LOGS_OF_A_PART
        parts.append(CommitPart(whole.domain, ObservedChange(seen[first:end], frozenset()), bad[first:end], None, None))
        first = end
    return [*parts, replace(whole, change=replace(whole.change, seen=seen[first:]), unreadable=bad[first:])]
