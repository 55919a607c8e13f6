"""The deadlines of the legs that have not arrived."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, and_, exists, false, or_, select, update

from connext_monitor.core.deadline import Awaited, Durations, Leg
from connext_monitor.core.events import BlockNumber, DomainId, EventKind, Pathway
from connext_monitor.core.recording import PathwayDurations
from connext_monitor.store import chains
from connext_monitor.store.legs import ARRIVED, DUE, PATHWAY
from connext_monitor.store.schema import domain_of_event, events, transfers


def awaited(connection: Connection, leg: Leg, *, due_until: int, after: Awaited | None, limit: int) -> list[Awaited]:
    """The legs of this kind that have not arrived and are due until then (Unix seconds).

    The earliest first, at most ``limit`` of those behind ``after``.
    """
    due, transfer_id = DUE[leg], transfers.c.transfer_id
    query = select(transfer_id, due.label("due"), transfers.c.destination)
    query = query.where(ARRIVED[leg].is_(None), due <= due_until).order_by(due, transfer_id).limit(limit)
    if after is not None:
        # The first condition, though contained in the second, is what the index is searched by.
        behind = or_(due > after.due_at, and_(due == after.due_at, transfer_id > after.transfer_id))
        query = query.where(due >= after.due_at, behind)
    rows = connection.execute(query)
    return [Awaited(row.transfer_id, leg, row.due, row.destination) for row in rows]


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
    rows = connection.execute(
        select(*PATHWAY)
        .distinct()
        .where(transfers.c.xcalled_at.is_not(None), or_(*(arrived.is_(None) for arrived in ARRIVED.values())))
    )
    return {(DomainId(row.origin), DomainId(row.destination)) for row in rows}


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
    watched = _xcalled_from(origin, watched_from)
    for leg in Leg:
        due = transfers.c.xcalled_at + durations.of(leg) if durations else None
        other = ARRIVED[Leg.RECONCILE if leg is Leg.EXECUTE else Leg.EXECUTE]
        never_had_one = and_(DUE[leg].is_(None), other.is_(None)) if durations else false()
        connection.execute(
            update(transfers)
            .where(
                transfers.c.origin == origin,
                transfers.c.destination == destination,
                transfers.c.xcalled_at.is_not(None),
                # At most starts nothing has changed, and nothing is written.
                DUE[leg].is_distinct_from(due),
                or_(ARRIVED[leg].is_(None), never_had_one),
                or_(transfers.c.execute_due_at.is_not(None), transfers.c.reconcile_due_at.is_not(None), watched),
            )
            .values({DUE[leg].name: due})
        )


def _xcalled_from(origin: DomainId, block: BlockNumber | None) -> ColumnElement[bool]:
    if block is None:
        return false()
    return exists().where(
        events.c.transfer_id == transfers.c.transfer_id,
        events.c.kind == EventKind.XCALLED.value,
        domain_of_event == origin,
        events.c.block_number >= block,
    )
