"""The deadlines of the legs that have not arrived."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, Update, and_, exists, false, or_, select, update

from connext_monitor.core.deadline import Awaited, Durations, Leg, PathwayDurations
from connext_monitor.core.events import BlockNumber, DomainId, Pathway
from connext_monitor.core.transfer import UNFINISHED, Status
from connext_monitor.store import chains, transfer_states
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import XCALLED
from connext_monitor.store.legs import ARRIVED, DUE
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import domain_of_event, events, transfers

_AWAITING = UNFINISHED - {Status.UNKNOWN}
"""Those of transfers whose XCalled has been seen, and of which a leg has not arrived."""


def awaited(connection: Connection, leg: Leg, *, due_until: int, after: Awaited | None, limit: int) -> list[Awaited]:
    """The legs of this kind that have not arrived and are due until then (Unix seconds).

    The earliest first, at most ``limit`` of those behind ``after``.
    """
    values: dict[str, object] = {"due_until": due_until, "most": limit}
    if after is not None:
        values |= {"after_due_at": after.due_at, "after_id": after.transfer_id}
    rows = _select_awaited(leg, behind=after is not None).rows(connection, **values)
    return [Awaited(row.transfer_id, leg, row.due, row.destination) for row in rows]


@cache
def _select_awaited(leg: Leg, *, behind: bool) -> Prepared:
    def write() -> Select[*tuple[Any, ...]]:
        due, transfer_id = DUE[leg], transfers.c.transfer_id
        query = select(transfer_id, due.label("due"), transfers.c.destination)
        query = query.where(ARRIVED[leg].is_(None), due <= parameter("due_until"))
        if behind:
            after_due_at = parameter("after_due_at")
            later = or_(due > after_due_at, and_(due == after_due_at, transfer_id > parameter("after_id")))
            # The first condition, though contained in the second, is what the index is searched by.
            query = query.where(due >= after_due_at, later)
        return query.order_by(due, transfer_id).limit(parameter("most"))

    return Prepared(write)


def recompute(connection: Connection, durations: PathwayDurations, begins: Mapping[DomainId, BlockNumber]) -> None:
    """Give every leg that has not arrived the deadline of the present config.

    Not those of transfers whose XCalled stands below the first block watched, which a backfill found; ``begins``
    are the first blocks of chains that nothing has been covered of yet. ``durations`` must be pure.
    """
    watched = {**begins, **chains.starts(connection)}
    for pathway in _awaited_pathways(connection):
        recompute_pathway(connection, pathway, durations(*pathway), watched.get(pathway[0]))


def _awaited_pathways(connection: Connection) -> set[Pathway]:
    """The pathways on which a leg has not arrived."""
    return {(origin, destination) for origin, destination, _ in transfer_states.states(connection, _AWAITING)}


def recompute_pathway(
    connection: Connection,
    pathway: Pathway,
    durations: Durations | None,
    watched_from: BlockNumber | None,
) -> None:
    """Give the legs of one pathway that have not arrived the deadlines of the present config.

    A transfer without any gets them only if its XCalled stands at ``watched_from``, the origin's first watched block,
    or above; None: nothing of the origin is watched yet.

    The leg that has arrived gets one too where it had none, because nobody watched its chain then: without both, the
    transfer would count as one without deadlines.
    """
    origin, destination = pathway
    values = {"of_origin": origin, "of_destination": destination, "seconds": 0, "watched_from": watched_from}
    for leg in Leg:
        if durations:
            values["seconds"] = durations.of(leg)
        _recompute(leg, due=durations is not None).execute(connection, **values)


@cache
def _recompute(leg: Leg, *, due: bool) -> Prepared:
    return Prepared(lambda: _write_recompute(leg, due=due))


def _write_recompute(leg: Leg, *, due: bool) -> Update:
    due_at = transfers.c.xcalled_at + parameter("seconds") if due else None
    other = ARRIVED[Leg.RECONCILE if leg is Leg.EXECUTE else Leg.EXECUTE]
    never_had_one = and_(DUE[leg].is_(None), other.is_(None)) if due else false()
    # Where nothing is watched yet, no number is at or above NULL.
    watched = exists().where(
        events.c.transfer == transfers.c.id,
        events.c.kind == XCALLED,
        domain_of_event == parameter("of_origin"),
        events.c.block_number >= parameter("watched_from"),
    )
    return (
        update(transfers)
        .where(
            transfers.c.origin == parameter("of_origin"),
            transfers.c.destination == parameter("of_destination"),
            # By which the others are not looked at: nearly all transfers of a year are completed.
            transfers.c.status.in_([status.value for status in sorted(_AWAITING)]),
            # At most starts nothing has changed, and nothing is written.
            DUE[leg].is_distinct_from(due_at),
            or_(ARRIVED[leg].is_(None), never_had_one),
            or_(transfers.c.execute_due_at.is_not(None), transfers.c.reconcile_due_at.is_not(None), watched),
        )
        .values({DUE[leg].name: due_at})
    )
