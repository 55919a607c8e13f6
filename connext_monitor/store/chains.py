"""How far each chain has been read, and the logs of it that could not be read."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Delete, delete, func, select, update
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.batch import ChainProgress, UnreadableLog
from connext_monitor.core.coverage import Coverage, CoverageMoved, follows
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.store.bulk import InsertMany, flat
from connext_monitor.store.connection import Connection
from connext_monitor.store.glance import coverage
from connext_monitor.store.instants import from_ms
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.schema import chains, malformed_logs

MALFORMED_KEPT = 1000
"""Malformed logs of one chain; what an endpoint gives has no end."""
_KEPT_BYTES = 8192
_KEPT_WORDS = 1000
_MALFORMED_COLUMNS = [column for column in malformed_logs.c if column is not malformed_logs.c.id]
_INSERT_MALFORMED = InsertMany(lambda: insert(malformed_logs).on_conflict_do_nothing(), _MALFORMED_COLUMNS)


_MIRROR_STARTS = Prepared(lambda: update(chains).values(start_block=1 - chains.c.start_block))
_SELECT_STARTS = Prepared(lambda: select(chains.c.domain, chains.c.start_block))
_MOVING = ("start_block", "checkpoint", "covered_number", "covered_hash", "covered_at")


def _save_coverage() -> Insert:
    row = insert(chains).values(parameters("domain", *_MOVING))
    return row.on_conflict_do_update(index_elements=["domain"], set_={name: row.excluded[name] for name in _MOVING})


def _forget_malformed() -> Delete:
    of_domain = malformed_logs.c.domain == parameter("of_domain")
    newest_first = select(malformed_logs.c.id).where(of_domain).order_by(malformed_logs.c.id.desc())
    too_old = newest_first.offset(MALFORMED_KEPT).limit(1).scalar_subquery()
    return delete(malformed_logs).where(of_domain, malformed_logs.c.id <= too_old)


_SAVE_COVERAGE = Prepared(_save_coverage)
_FORGET_MALFORMED = Prepared(_forget_malformed)
_SELECT_MALFORMED_SINCE = Prepared(
    lambda: select(func.min(malformed_logs.c.seen_ms)).where(
        malformed_logs.c.domain == parameter("of_domain"), malformed_logs.c.digest.in_(list_parameter("digests"))
    )
)


def starts(connection: Connection) -> dict[DomainId, BlockNumber]:
    """The first block watched of each chain that anything has been covered of."""
    rows = _SELECT_STARTS.rows(connection)
    return {DomainId(row.domain): BlockNumber(row.start_block) for row in rows}


def write_again(connection: Connection) -> None:
    """Write what stands there: it changes nothing, and a disk without room refuses it."""
    # There and back: SQLite writes no page that an update leaves as it is.
    _MIRROR_STARTS.execute(connection)
    _MIRROR_STARTS.execute(connection)


def refuse_overtaking(connection: Connection, progress: Sequence[ChainProgress]) -> None:
    """Raise CoverageMoved if one of these does not start where its chain stands, after those before it."""
    reached: dict[DomainId, Coverage | None] = {}
    for chain in progress:
        if chain.since is not None:
            stored = reached[chain.domain] if chain.domain in reached else coverage(connection, chain.domain)
            if not follows(stored, chain.since):
                raise CoverageMoved(f"read on from block {chain.since.checkpoint}, which is not where it stands")
        reached[chain.domain] = chain.coverage


def save_coverage(connection: Connection, domain: DomainId, reached: Coverage) -> None:
    """Store how far the chain has been read."""
    covered = reached.covered
    _SAVE_COVERAGE.execute(
        connection,
        domain=domain,
        start_block=reached.start,
        checkpoint=reached.checkpoint,
        covered_number=covered.number if covered else None,
        covered_hash=covered.hash if covered else None,
        covered_at=covered.timestamp if covered else None,
    )


def keep_malformed(connection: Connection, logs: Sequence[UnreadableLog], seen_at: datetime) -> None:
    """Keep logs that could not be read, each once and its beginning only, and of each chain the newest."""
    if not logs:
        return
    by_domain: defaultdict[DomainId, list[UnreadableLog]] = defaultdict(list)
    for log in logs:
        by_domain[log.domain].append(log)
    seen_ms = round(seen_at.timestamp() * 1000)
    for domain, theirs in by_domain.items():
        rows = [
            (domain, sha256(log.raw).digest(), log.reason[:_KEPT_WORDS], log.raw[:_KEPT_BYTES], seen_ms)
            for log in theirs[-MALFORMED_KEPT:]
        ]
        _INSERT_MALFORMED(connection, flat(rows))
        _FORGET_MALFORMED.execute(connection, of_domain=domain)


def malformed_since(connection: Connection, domain: DomainId, raws: Collection[bytes]) -> datetime | None:
    """When the first of these logs that could not be read was seen; None where none of them is kept."""
    digests = [sha256(raw).digest() for raw in raws]
    seen_ms = _SELECT_MALFORMED_SINCE.value(connection, of_domain=domain, digests=digests)
    return None if seen_ms is None else from_ms(seen_ms)
