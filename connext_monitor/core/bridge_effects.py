"""What the events besides transfers mean for alerts: one alert for each transaction that changes who may do what.

A proposal changes nothing yet, and to supply liquidity is not a right: both are listed, and alert nobody.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.alerts.kinds.bridge_changed import BRIDGE_CHANGED, BridgeChangedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_records import BridgeChanges
from connext_monitor.core.bridge_words import bridge_words, made_by
from connext_monitor.core.chain_effects import NameOfChain
from connext_monitor.core.events import DomainId, Hash32
from connext_monitor.core.formats import hex_text

NOTED_AFTER: Final = 86_400
"""Seconds after which a change is news no more: by then its alert ends, and none opens about an older one."""
_SENTENCES: Final = 5

_CRITICAL: Final = frozenset(
    {"DiamondCut", "OwnershipTransferred", "AssignRoleAdmin", "AssignRoleRouter", "AssignRoleWatcher", "RevokeRole"}
)
_WARNING: Final = frozenset(
    {
        "SequencerAdded", "SequencerRemoved", "RelayerAdded", "RelayerRemoved", "RemoteAdded",
        "XAppConnectionManagerSet", "RouterAllowlistRemoved",
    }
)  # fmt: skip
CHANGING: Final = _CRITICAL | _WARNING
"""The kinds of event that change who may do what, or what code runs."""

_Transaction = tuple[DomainId, Hash32]


def bridge_effects(changes: BridgeChanges, name: NameOfChain, at: datetime) -> Iterator[OpenAlert | ResolveAlert]:
    """What ends and opens with these changes; a transaction that a reorg moved goes on being told as it was."""
    if not changes.covered and not changes.removed:
        return
    covered = _transactions(changes.covered)
    # One that was only pushed has been told nobody.
    removed = _transactions([stored.record for stored in changes.removed if stored.covered])
    standing = [stored.record for stored in changes.standing if stored.covered and stored.record.event.kind in CHANGING]
    for domain, tx_hash in sorted(removed - _transactions(standing)):
        alert_id = BRIDGE_CHANGED.keyed_id(name(domain), hex_text(tx_hash))
        yield ResolveAlert(BRIDGE_CHANGED, alert_id, Resolution.REORGED)
    for transaction in sorted(covered - removed):
        events = [record for record in standing if (record.domain, record.tx_hash) == transaction]
        if events[0].block.timestamp >= at.timestamp() - NOTED_AFTER:
            yield OpenAlert(_alert(sorted(events, key=lambda record: record.log_index), name, at))


def _transactions(records: Collection[BridgeRecord]) -> set[_Transaction]:
    """Those in which one of these records changes something."""
    return {(record.domain, record.tx_hash) for record in records if record.event.kind in CHANGING}


def _alert(events: Sequence[BridgeRecord], name: NameOfChain, at: datetime) -> Alert:
    first = events[0]
    critical = any(record.event.kind in _CRITICAL for record in events)
    callers = {made_by(record.event) for record in events} - {None}
    details = BridgeChangedDetails(
        domain=first.domain,
        tx_hash=hex_text(first.tx_hash),
        changed_at=first.block.timestamp,
        what=_sentences([bridge_words(record.event, name) for record in events]),
        by=callers.pop() if len(callers) == 1 else None,
    )
    alert = BRIDGE_CHANGED.open(name(first.domain), at, details, key=details.tx_hash)
    return alert if critical else replace(alert, severity=Severity.WARNING)


def _sentences(said: Sequence[str]) -> str:
    sentences = [f"{words[0].upper()}{words[1:]}." for words in dict.fromkeys(said)]
    more = len(sentences) - _SENTENCES
    return " ".join([*sentences[:_SENTENCES], *([f"And {more} more changes."] if more > 0 else [])])
