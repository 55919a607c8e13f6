"""The bridge at a glance, as `status` shows it, read in one transaction, and in plain SQL so that it loads little.

The page, the API and the metrics read the parts of it that they show by the same functions.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import chain

from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.coverage import Coverage, Nonces
from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp, TransferId
from connext_monitor.core.stored_numbers import Backlog, PathwayCount
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import UNFINISHED
from connext_monitor.store import transfer_states
from connext_monitor.store.cause_text import read_causes
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import from_ms
from connext_monitor.store.plain import Plain, StoredRow

_COUNT_OPEN = Plain("SELECT kind, severity, count(*) FROM alerts WHERE state = 'open' GROUP BY kind, severity")
_SELECT_CHANNELS = Plain("SELECT * FROM channels")
_COUNT_WAITING = Plain("SELECT provider, count(*), min(created_ms) FROM deliveries WHERE pending = 1 GROUP BY provider")
_COUNT_WAITING_GROUPS = Plain(
    # A message that was taken once and is to be changed waits since then at the longest.
    "SELECT provider, count(*), min(coalesce(told_ms, oldest_ms)) FROM delivery_groups"
    " WHERE ended = 0 AND (told_ms IS NULL OR attempts > 0) GROUP BY provider"
)
_SELECT_CHAIN = Plain("SELECT * FROM chains WHERE domain = ?")
_SELECT_ASKED_CHAINS = Plain("SELECT * FROM chains WHERE first_nonce IS NOT NULL AND next_nonce IS NOT NULL")
_COUNT_MALFORMED = Plain("SELECT domain, count(*) FROM malformed_logs GROUP BY domain")


@struct(frozen=True, slots=True)
class StoredStatus:
    """All of it at one moment.

    A chain that has never been read has no ``coverage``, one whose contract has never been asked no ``nonces``.
    ``unobserved`` are the open alerts about chains that cannot be seen; ``malformed`` counts kept logs by chain.
    """

    coverage: Mapping[DomainId, Coverage | None]
    nonces: Mapping[DomainId, Nonces]
    unobserved: Sequence[Alert]
    open_alerts: Mapping[tuple[AlertKind, Severity], int]
    channels: Sequence[ChannelRow]
    in_flight: Sequence[PathwayCount]
    malformed: Mapping[DomainId, int]


def read_status(connection: Connection, domains: Collection[DomainId]) -> StoredStatus:
    """Read all of it; ``domains`` are the configured chains."""
    return StoredStatus(
        coverage={domain: coverage(connection, domain) for domain in domains},
        nonces=every_nonces(connection),
        unobserved=open_of_kind(connection, CHAIN_UNOBSERVED),
        open_alerts=count_open(connection),
        channels=channel_rows(connection),
        in_flight=count_in_flight(connection),
        malformed=malformed_counts(connection),
    )


def coverage(connection: Connection, domain: DomainId) -> Coverage | None:
    """How far the chain has been read; None where it never was."""
    rows = _SELECT_CHAIN.rows(connection, (domain,))
    if not rows:
        return None
    row = rows[0]
    covered = None
    if row.covered_number is not None:
        covered = BlockRef(BlockNumber(row.covered_number), Hash32(row.covered_hash), Timestamp(row.covered_at))
    return Coverage(BlockNumber(row.start_block), BlockNumber(row.checkpoint), covered)


def every_nonces(connection: Connection) -> dict[DomainId, Nonces]:
    """Those of every origin that has been asked."""
    return {DomainId(row.domain): nonces_in(row) for row in _SELECT_ASKED_CHAINS.rows(connection)}


def nonces_in(row: StoredRow) -> Nonces:
    """Those of a chain by its row in the table of chains, where it has been asked."""
    return Nonces(row.first_nonce, row.contiguous_nonce, row.next_nonce, row.pruned_nonce or 0)


def open_of_kind(connection: Connection, kind: AlertKind) -> list[Alert]:
    """The open alerts of one kind."""
    return open_of_kinds(connection, [kind])


def open_of_kinds(connection: Connection, kinds: Collection[AlertKind]) -> list[Alert]:
    """The open alerts of these kinds."""
    query = _select_open(len(kinds))
    return [read_alert(row) for row in query.rows(connection, [kind.name for kind in kinds])]


@cache
def _select_open(kinds: int) -> Plain:
    """Those of so many kinds."""
    return Plain(f"SELECT * FROM alerts WHERE state = 'open' AND kind IN ({', '.join('?' * kinds)})")  # noqa: S608 - our own


def count_open(connection: Connection) -> dict[tuple[AlertKind, Severity], int]:
    """How many alerts of each kind and severity are open: of one kind, some may have escalated."""
    rows = _COUNT_OPEN.rows(connection)
    return {(KINDS[kind], Severity(severity)): count for kind, severity, count in rows}


def read_alert(row: StoredRow) -> Alert:
    """The alert of a row of the table."""
    kind = KINDS[row.kind]
    return Alert(
        id=row.id,
        kind=kind,
        severity=Severity(row.severity),
        subject=row.subject,
        opened_at=from_ms(row.opened_ms),
        transfer_id=TransferId(row.transfer_id) if row.transfer_id is not None else None,
        state=AlertState(row.state),
        resolved_at=from_ms(row.resolved_ms) if row.resolved_ms is not None else None,
        resolution=Resolution(row.resolution) if row.resolution is not None else None,
        details=kind.read_details(row.details),
        causes=read_causes(row.causes),
        inhibited_by=row.inhibited_by,
    )


def channel_rows(connection: Connection) -> list[ChannelRow]:
    """Every channel that anything is known of or waits for."""
    waiting = backlogs(connection)
    stored = {row.provider: row for row in _SELECT_CHANNELS.rows(connection)}
    return [
        ChannelRow(
            provider,
            ChannelState(stored[provider].state) if provider in stored else ChannelState.OK,
            stored[provider].reason if provider in stored else None,
            from_ms(stored[provider].since_ms) if provider in stored else None,
            waiting.get(provider, Backlog()).waiting,
        )
        for provider in sorted(waiting.keys() | stored.keys())
    ]


def backlogs(connection: Connection) -> dict[str, Backlog]:
    """By provider, what it has not been told yet: alerts by themselves, and the messages of groups.

    A group's message waits where it has never been taken, or is to be tried again.
    """
    waiting: dict[str, Backlog] = {}
    rows = chain(_COUNT_WAITING.rows(connection), _COUNT_WAITING_GROUPS.rows(connection))
    for provider, count, since_ms in rows:
        other = waiting.get(provider, Backlog(0, since_ms / 1000))
        oldest_at = min(other.oldest_at or math.inf, since_ms / 1000)
        waiting[provider] = Backlog(other.waiting + count, oldest_at)
    return waiting


def count_in_flight(connection: Connection) -> list[PathwayCount]:
    """How many transfers that are not completed stand where, by pathway and status."""
    counts = transfer_states.counted(connection, UNFINISHED)
    return [PathwayCount(*state, count) for state, (count, _) in counts.items()]


def malformed_counts(connection: Connection) -> dict[DomainId, int]:
    """How many malformed logs of each chain are kept."""
    return {DomainId(domain): count for domain, count in _COUNT_MALFORMED.rows(connection)}
