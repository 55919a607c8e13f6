"""The pathways on which transfers wait for their execution while nothing is executed."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.events import Pathway, Timestamp, TransferId
from connext_monitor.core.stalls import ASKED, PathwayWaits
from connext_monitor.core.transfer import Status
from connext_monitor.store import alerts
from connext_monitor.store.connection import Connection
from connext_monitor.store.last_executions import last_execution
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import transfers
from connext_monitor.store.transfer_states import counted, states

_NOT_EXECUTED = (Status.XCALLED, Status.RECONCILED)
_EXECUTED = (Status.COMPLETED_FAST, Status.COMPLETED_SLOW, Status.EXECUTED)
_BEFORE_ALL = -1


def waiting_somewhere(connection: Connection) -> dict[Pathway, int]:
    """How many transfers have not been executed on each pathway that has any, whatever they wait for."""
    waiting: dict[Pathway, int] = {}
    for (origin, destination, _), (count, _oldest) in counted(connection, set(_NOT_EXECUTED)).items():
        waiting[origin, destination] = waiting.get((origin, destination), 0) + count
    return waiting


def waits(connection: Connection, pathways: Collection[Pathway]) -> list[PathwayWaits]:
    """What waits on each of these pathways."""
    return [_waits(connection, pathway) for pathway in pathways]


def last_before_waiting(connection: Connection, reached: Mapping[Pathway, Timestamp]) -> dict[Pathway, Timestamp]:
    """When the last transfer was executed on those of these pathways on which any wait, whatever for.

    Without those of which a transfer was executed after ``reached``.
    """
    waiting = reached.keys() & {state[:2] for state in states(connection, _NOT_EXECUTED)} if reached else set()
    in_question = [pathway for pathway in waiting if not _executed_after(connection, pathway, reached[pathway])]
    last = {pathway: last_execution(connection, pathway) for pathway in in_question}
    return {pathway: at for pathway, at in last.items() if at is not None}


def _executed_after(connection: Connection, pathway: Pathway, instant: Timestamp) -> bool:
    """Whether one of the transfers sent last was; to look for the last execution takes a hundred times as long."""
    origin, destination = pathway
    sent_last = (
        _SELECT_SENT_LAST.value(connection, origin=origin, destination=destination, status=status.value)
        for status in _EXECUTED
    )
    return any(at is not None and at > instant for at in sent_last)


def open_decided(
    connection: Connection, pathway: Pathway, decide: Callable[[PathwayWaits], Alert | None], route: Route
) -> Alert | None:
    """Open what ``decide``, which must be pure, makes of what waits within this transaction, unless it is open."""
    alert = decide(_waits(connection, pathway))
    opened = alert is not None and alerts.open_one(connection, alert, route(alert))
    return alert if opened else None


def _waits(connection: Connection, pathway: Pathway) -> PathwayWaits:
    origin, destination = pathway
    last = last_execution(connection, pathway)
    after = _BEFORE_ALL if last is None else last
    of_pathway = {"origin": origin, "destination": destination, "after": after}
    oldest = _SELECT_OLDEST.rows(connection, **of_pathway)
    count = len(oldest) if len(oldest) < ASKED else _COUNT.value(connection, **of_pathway)
    first = [(TransferId(row.transfer_id), Timestamp(row.started_at)) for row in oldest]
    return PathwayWaits(pathway, count, first, last)


def _are_waiting() -> list[ColumnElement[bool]]:
    return [
        transfers.c.origin == parameter("origin"),
        transfers.c.destination == parameter("destination"),
        transfers.c.status.in_([status.value for status in _NOT_EXECUTED]),
        transfers.c.started_at > parameter("after"),
        transfers.c.execute_due_at.is_not(None),
    ]


def _select_oldest() -> Select[*tuple[Any, ...]]:
    order = (transfers.c.started_at, transfers.c.transfer_id)
    return select(transfers.c.transfer_id, transfers.c.started_at).where(*_are_waiting()).order_by(*order).limit(ASKED)


def _select_sent_last() -> Select[*tuple[Any, ...]]:
    of_state = [transfers.c[name] == parameter(name) for name in ("origin", "destination", "status")]
    return select(transfers.c.executed_at).where(*of_state).order_by(transfers.c.started_at.desc()).limit(1)


_SELECT_OLDEST = Prepared(_select_oldest)
_SELECT_SENT_LAST = Prepared(_select_sent_last)
_COUNT = Prepared(lambda: select(func.count()).select_from(transfers).where(*_are_waiting()))
