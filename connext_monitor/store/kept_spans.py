"""Counts of eight days that are over, kept so that a month or a year is added up from few numbers.

What is kept of eight days goes with what is kept of any of their quarters, by a trigger of the database. So all of
these are kept, even those without transfers, which would otherwise not be missed when one comes.
"""

from collections.abc import Iterator

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.counts import DAY, QUARTER, PathwayCounts, SpanCounts, WholeParts, days_of, span_of
from connext_monitor.core.stats import Window
from connext_monitor.store.connection import Connection
from connext_monitor.store.kept_counts import by_quarters, keep, kept
from connext_monitor.store.kept_tables import kept_counts, kept_spans
from connext_monitor.store.prepared import Prepared, parameter, parameters

SPAN = 8 * DAY
"""Seconds; spans begin at multiples of it. The trigger is written for it."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SpanCounts).decode

_SELECT = Prepared(
    lambda: (
        select(kept_spans)
        .where(kept_spans.c.since >= parameter("since"), kept_spans.c.since < parameter("until"))
        .order_by(kept_spans.c.since)
    )
)
_SPAN_OF_QUARTER = kept_counts.c.since - kept_counts.c.since % SPAN
_SELECT_NOT_KEPT = Prepared(
    lambda: (
        select(_SPAN_OF_QUARTER.label("span"))
        .where(kept_counts.c.since < parameter("until"), _SPAN_OF_QUARTER.not_in(select(kept_spans.c.since)))
        .group_by("span")
        .order_by("span")
    )
)
_KEEP = Prepared(lambda: insert(kept_spans).values(parameters("since", "content")).on_conflict_do_nothing())


def added_up(connection: Connection, window: Window, width: int) -> Iterator[tuple[int, PathwayCounts] | WholeParts]:
    """As `counted_rows.counted`, from what is kept where that is enough; several parts of it may come together."""
    counted_until = window.since
    for since, span in kept_within(connection, *_whole_spans(window, width)):
        yield from by_quarters(connection, _between(window, counted_until, since), width)
        counted_until = since + SPAN
        yield _parts(span, window, width)
    yield from by_quarters(connection, _between(window, counted_until, window.until), width)


def kept_within(connection: Connection, since: int, until: int) -> Iterator[tuple[int, SpanCounts]]:
    """What is kept of spans that begin from ``since`` on and end by ``until`` (Unix seconds)."""
    for row in _SELECT.stream(connection, since=since, until=until - SPAN + 1):
        yield row.since, _decode(row.content)


def not_kept(connection: Connection, until: int) -> list[int]:
    """The spans that end by then (Unix seconds), of which quarters are kept, and that are not kept themselves."""
    return _SELECT_NOT_KEPT.column(connection, until=until - until % SPAN)


def keep_span(connection: Connection, span: int) -> None:
    """Add up the span that begins then (Unix seconds), and keep it, with all of its quarters."""
    window = Window(span, span + SPAN)
    known = {since for since, _ in kept(connection, window.since, window.until)}
    for quarter in range(window.since, window.until, QUARTER):
        if quarter not in known:
            keep(connection, quarter)
    every = kept(connection, window.since, window.until)
    content = _encode(span_of((since, counts) for since, quarter in every for counts in quarter.pathways))
    _KEEP.execute(connection, since=span, content=content)


def _whole_spans(window: Window, width: int) -> tuple[int, int]:
    """Between which of them what is kept will do: where days of one pathway, or days or quarters of all, are wanted."""
    match window.origin, window.destination:
        case None, None:
            enough = width in {DAY, QUARTER}
        case int(), int():
            enough = width == DAY
        case _:
            enough = False
    return (window.since, window.until) if enough else (window.until, window.until)


def _parts(span: SpanCounts, window: Window, width: int) -> WholeParts:
    """Of all pathways, or the days of one."""
    if window.origin is None:
        return WholeParts(span.pathways, span.days if width == DAY else span.quarters)
    its = [packed for packed in span.pathways if packed.pathway == (window.origin, window.destination)]
    return WholeParts(its, [day for packed in its for day in days_of(packed)])


def _between(window: Window, since: int, until: int) -> Window:
    return Window(since, until, window.origin, window.destination)
