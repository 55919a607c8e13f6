"""Numbers that the database gives."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, DomainId, Timestamp
from connext_monitor.core.ownership import ListedInstance
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Status

PathwayLeg = tuple[DomainId, DomainId, Leg]
"""Origin, destination, leg."""


@struct(frozen=True, slots=True)
class PathwayCount:
    """How many transfers of one pathway have one status."""

    origin: DomainId
    destination: DomainId
    status: Status
    count: int


@struct(frozen=True, slots=True)
class PendingLegs:
    """The transfers of one pathway whose XCalled stands and that are still owed a leg.

    How many await their execution and their reconciliation, and since when the oldest of each does (Unix seconds).
    """

    origin: DomainId
    destination: DomainId
    executions: int
    oldest_execution: Timestamp | None
    reconciliations: int
    oldest_reconciliation: Timestamp | None


@struct(frozen=True, slots=True)
class AwaitedLegs:
    """How many legs of one kind have not arrived on one pathway, and how many of them are past due."""

    count: int
    past_due: int


@struct(frozen=True, slots=True)
class Backlog:
    """How many messages wait for one provider, and since when the oldest does (Unix seconds; None where none waits)."""

    waiting: int = 0
    oldest_at: float | None = None


@struct(frozen=True, slots=True)
class RouterNumbers:
    """What a router has to do with one of the bridge's tokens on a chain: amounts in base units, a Unix time.

    ``balance`` is as far as the events tell, and may be below 0; ``unreconciled`` is what it will get back for what it
    fronted.
    """

    router: Address
    domain: DomainId
    asset: Address
    balance: int
    unreconciled: int
    fills: int
    last_fill: Timestamp | None


@struct(frozen=True, slots=True)
class StoredNumbers:
    """Those of one look at it; ``overdue`` counts the legs whose overdue alert stands open.

    ``database_bytes`` is None where the database is a file, whose size its folder tells; ``instances`` are those that
    share one on a server.
    """

    nonces: Mapping[DomainId, Nonces] = field(default_factory=dict)
    awaited: Mapping[PathwayLeg, AwaitedLegs] = field(default_factory=dict)
    overdue: Mapping[PathwayLeg, int] = field(default_factory=dict)
    open_alerts: Mapping[tuple[AlertKind, Severity], int] = field(default_factory=dict)
    backlogs: Mapping[str, Backlog] = field(default_factory=dict)
    routers: Sequence[RouterNumbers] = ()
    database_bytes: int | None = None
    instances: Sequence[ListedInstance] = ()
