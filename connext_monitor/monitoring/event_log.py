"""The log lines about what was committed."""

from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.events import TransferId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.recording import Changes
from connext_monitor.core.transfer import SeenRecord
from connext_monitor.core.transfer_summary import TransferSummary

_LOGGED_ONE_BY_ONE = 20
"""A batch of more events than this is history being read: one line is enough for all of it."""

log = structlog.get_logger()


def log_changes(changes: Changes, unreadable: Sequence[UnreadableLog], labels: ChainLabels) -> None:
    """Log what a commit has changed: each event by itself, unless history is being read."""
    for domain, logs in Counter([bad.domain for bad in unreadable]).items() if unreadable else ():
        first = next(bad.reason for bad in unreadable if bad.domain == domain)
        log.warning("log.malformed", chain=labels.display_name(domain), logs=logs, reason=first)
    if len(changes.added) > _LOGGED_ONE_BY_ONE:
        log.info("events.recorded", events=len(changes.added), transfers=len(changes.transfers))
        return
    by_id = {transfer.transfer_id: transfer for transfer in changes.transfers}
    for record in changes.added:
        _log_event("event.recorded", record, by_id, labels)
    for record in changes.removed:
        _log_event("event.taken_back", record, by_id, labels)


def _log_event(
    event: str, record: SeenRecord, by_id: Mapping[TransferId, TransferSummary], labels: ChainLabels
) -> None:
    transfer = by_id.get(record.event.transfer_id)
    log.info(
        event,
        event_kind=record.kind.value,
        transfer=f"0x{record.event.transfer_id.hex()}",
        chain=labels.display_name(record.domain),
        block=record.sighting.block.number,
        status=transfer.status.value if transfer else None,
    )
