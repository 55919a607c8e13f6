"""Counts of quarter days that are over, kept so that a long window is added up instead of counted.

What is kept of a quarter goes in the transaction that changes any of its transfers, whatever does so: triggers of the
database see to it. So what is there is what counting would give. What is not there is counted, until it is kept anew.
"""

from collections.abc import Iterator

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.counts import HOUR, QUARTER, PathwayCounts, QuarterCounts, WholeParts, quarter_of
from connext_monitor.core.stats import Window
from connext_monitor.store.connection import Connection
from connext_monitor.store.counted_rows import counted
from connext_monitor.store.kept_tables import kept_counts
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import transfers

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(QuarterCounts).decode

_SELECT = Prepared(
    lambda: (
        select(kept_counts)
        .where(kept_counts.c.since >= parameter("since"), kept_counts.c.since < parameter("until"))
        .order_by(kept_counts.c.since)
    )
)
_SELECT_KEPT = Prepared(lambda: select(kept_counts.c.since))
_SELECT_NEXT = Prepared(
    lambda: select(func.min(transfers.c.started_at)).where(
        transfers.c.started_at >= parameter("since"), transfers.c.started_at < parameter("until")
    )
)
_KEEP = Prepared(lambda: insert(kept_counts).values(parameters("since", "content")).on_conflict_do_nothing())


def by_quarters(connection: Connection, window: Window, width: int) -> Iterator[tuple[int, PathwayCounts] | WholeParts]:
    """As `counted_rows.counted`, from what is kept where that is enough; hours of it come together."""
    counted_until = window.since
    for since, quarter in kept(connection, *_whole_quarters(window, width)):
        if counted_until < since:
            yield from counted(connection, _between(window, counted_until, since), width)
        counted_until = since + QUARTER
        if width == HOUR:
            yield WholeParts(quarter.pathways, quarter.hours)
        else:
            yield from ((since - since % width, counts) for counts in quarter.pathways if _is_of(window, counts))
    if counted_until < window.until:
        yield from counted(connection, _between(window, counted_until, window.until), width)


def kept(connection: Connection, since: int, until: int) -> Iterator[tuple[int, QuarterCounts]]:
    """What is kept of quarters that begin from ``since`` on and end by ``until`` (Unix seconds)."""
    for row in _SELECT.stream(connection, since=since, until=until - QUARTER + 1):
        yield row.since, _decode(row.content)


def not_kept(connection: Connection, until: int, limit: int) -> list[int]:
    """The first quarters before then (Unix seconds) that have transfers and of which nothing is kept."""
    known = set(_SELECT_KEPT.column(connection))
    missing: list[int] = []
    since = 0
    while len(missing) < limit:
        started_at = _SELECT_NEXT.value(connection, since=since, until=until)
        if started_at is None:
            break
        quarter = started_at - started_at % QUARTER
        since = quarter + QUARTER
        while since in known:
            since += QUARTER
        if quarter not in known:
            missing.append(quarter)
    return missing


def keep(connection: Connection, quarter: int) -> None:
    """Count the quarter that begins then (Unix seconds), and keep it."""
    content = _encode(quarter_of(counted(connection, Window(quarter, quarter + QUARTER), HOUR)))
    _KEEP.execute(connection, since=quarter, content=content)


def _whole_quarters(window: Window, width: int) -> tuple[int, int]:
    """Between which of them what is kept will do: where each lies in one part, or hours of all pathways are wanted."""
    hours = width == HOUR and window.origin is None and window.destination is None
    return (window.since, window.until) if width % QUARTER == 0 or hours else (window.until, window.until)


def _between(window: Window, since: int, until: int) -> Window:
    return Window(since, until, window.origin, window.destination)


def _is_of(window: Window, counts: PathwayCounts) -> bool:
    return window.origin in {None, counts.origin} and window.destination in {None, counts.destination}
