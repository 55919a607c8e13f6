"""What was executed with a router, and without it."""

from typing import Any

from sqlalchemy import Select, and_, func, select

from connext_monitor.core.events import Address, DomainId, Pathway, Timestamp
from connext_monitor.core.payload import unpack_fronted
from connext_monitor.core.router_silence import FilledByOthers, LastExecution
from connext_monitor.core.stats import Window
from connext_monitor.core.transfer import Status
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import EXECUTED
from connext_monitor.store.last_executions import last_executions
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import domain_of_event, events, transfers

_ADDRESS = 20
_STATUSES = [Status.EXECUTED.value, Status.COMPLETED_FAST.value, Status.COMPLETED_SLOW.value]
_T = transfers.c


def last_by_routers(connection: Connection) -> list[LastExecution]:
    """The last execution of each pathway by each set of routers, and on the slow path."""
    return [
        LastExecution((DomainId(row.origin), DomainId(row.destination)), _apart(row.routers), Timestamp(row.last))
        for row in last_executions(connection, Window(0, 0))
    ]


def last_until(connection: Connection, last: LastExecution, until: Timestamp) -> Timestamp | None:
    """When the same routers executed something on the same pathway last, up to an instant; None if never."""
    origin, destination = last.pathway
    at = _SELECT_LAST_UNTIL.value(
        connection, origin=origin, destination=destination, routers=b"".join(last.routers), until=until
    )
    return None if at is None else Timestamp(at)


def by_others(
    connection: Connection, pathway: Pathway, router: Address, sent_after: Timestamp, most: int
) -> list[FilledByOthers]:
    """Transfers on a pathway that were sent after an instant and executed without the router: ``most`` looked at.

    The latest sent first. Those whose origin has not been seen are left out: nobody knows when they were sent.
    """
    origin, destination = pathway
    rows = _SELECT_EXECUTED.rows(
        connection, origin=origin, destination=destination, statuses=_STATUSES, sent_after=sent_after, most=most
    )
    without = {row.id: row for row in rows if router not in _apart(row.routers)}
    return [
        FilledByOthers(destination, asset, int.from_bytes(amount, "big"), not row.routers, Timestamp(row.executed_at))
        for row in without.values()
        for asset, amount in [unpack_fronted(row.payload)]
    ]


def _apart(routers: bytes) -> tuple[Address, ...]:
    return tuple(Address(routers[at : at + _ADDRESS]) for at in range(0, len(routers), _ADDRESS))


def _select_executed() -> Select[*tuple[Any, ...]]:
    executed = and_(events.c.transfer == _T.id, events.c.kind == EXECUTED, domain_of_event == _T.destination)
    return (
        select(_T.id, _T.routers, _T.executed_at, events.c.payload)
        .select_from(transfers.join(events, executed))
        .where(
            _T.origin == parameter("origin"),
            _T.destination == parameter("destination"),
            _T.status.in_(list_parameter("statuses")),
            _T.started_at > parameter("sent_after"),
            _T.xcalled_at.is_not(None),
        )
        .order_by(_T.started_at.desc())
        .limit(parameter("most"))
    )


_SELECT_EXECUTED = Prepared(_select_executed)
_SELECT_LAST_UNTIL = Prepared(
    lambda: select(func.max(_T.executed_at)).where(
        _T.origin == parameter("origin"),
        _T.destination == parameter("destination"),
        _T.routers == parameter("routers"),
        _T.executed_at <= parameter("until"),
    )
)
