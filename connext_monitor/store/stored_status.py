"""What ``status`` shows of the database, in one read; apart from the nouns, so that it loads little."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.coverage import Coverage, Nonces
from connext_monitor.core.delivery_records import ChannelRow
from connext_monitor.core.events import DomainId
from connext_monitor.core.stored_numbers import PathwayCount
from connext_monitor.store import alert_rows, chains, channels, in_flight, nonces
from connext_monitor.store.connection import Connection


@dataclass(frozen=True, slots=True)
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
        coverage={domain: chains.coverage(connection, domain) for domain in domains},
        nonces=nonces.every(connection),
        unobserved=alert_rows.open_of_kind(connection, CHAIN_UNOBSERVED),
        open_alerts=alert_rows.count_open(connection),
        channels=channels.channel_rows(connection),
        in_flight=in_flight.by_status(connection),
        malformed=chains.malformed_counts(connection),
    )
