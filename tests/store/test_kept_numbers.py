"""Kept numbers are what counting and reading would give, whatever became of the transfers."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.counts import DAY, HOUR, QUARTER, quarter_of, span_of
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import Address, BlockNumber, EventKind, Executed
from connext_monitor.core.stats import Window
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.connection import Connection
from connext_monitor.store.counted_rows import counted
from connext_monitor.store.executor import Inline
from connext_monitor.store.kept_counts import kept
from connext_monitor.store.kept_spans import SPAN, kept_within
from connext_monitor.store.owed import owed
from connext_monitor.store.restore import Restore
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.databases import open_store, put_back
from tests.world.examples import examples
from tests.world.recording import NAMES, NOW, commit, gone, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled

_BEGIN = 1_700_006_400
"""A quarter begins."""
_END = _BEGIN + 20 * QUARTER
_BEHIND_SPANS = _END + 2 * SPAN
_NOT_RECONCILED = (EventKind.XCALLED, EventKind.EXECUTED)
_DURATIONS = (Durations(60, 600), Durations(6_000, 60_000), None)


def event(nonce: int, kind: EventKind, fork: str = "") -> EventRecord:
    """Legs come hours or days after their XCalled, in blocks of their own, and on a fork in another token."""
    number = 10 * nonce + list(EventKind).index(kind)
    standing = sighting(number, _BEGIN + nonce * QUARTER // 3 + number % 10 * (QUARTER + 7), fork)
    # An odd number, which two routers cannot share evenly.
    params = replace(info(nonce), bridged_amount=(1 << 80 * (nonce % 3)) + 2 * nonce + (nonce % 3 > 0))
    if kind is EventKind.XCALLED:
        return xcalled(params, standing)
    if kind is EventKind.RECONCILED:
        return reconciled(params, standing)
    routers = tuple(Address(bytes([number]) * 20) for number in range(nonce % 3))
    paid = executed(params, standing, routers)
    return replace(paid, event=replace(paid.event, local=Address(fork.encode() * 20))) if fork else paid


def _in_another_token(record: EventRecord) -> EventRecord:
    """The same event in the same block, if it is an Executed paid otherwise."""
    paid = record.event
    return replace(record, event=replace(paid, local=Address(b"\x66" * 20))) if isinstance(paid, Executed) else record


events = st.builds(event, st.integers(0, 5), st.sampled_from(EventKind), st.sampled_from(["", "", "b"]))
steps = st.one_of(
    st.tuples(st.just("see"), st.lists(events, min_size=1, max_size=4), st.sampled_from(_DURATIONS)),
    st.tuples(st.just("lose"), events),
    st.tuples(st.just("correct"), events),
    st.tuples(st.just("recompute"), st.sampled_from(_DURATIONS)),
    st.tuples(st.just("prune"), st.integers(_BEGIN, _END)),
    st.tuples(st.just("keep")),
    st.tuples(st.just("keep spans")),
)


CALLED, PAID = event(0, EventKind.XCALLED), event(1, EventKind.EXECUTED)
PAID_ELSEWHERE = event(1, EventKind.EXECUTED, "b")
SEE_BOTH = ("see", [PAID, PAID_ELSEWHERE], None)
PAID_LATER, PAID_LAST = event(4, EventKind.EXECUTED), event(7, EventKind.EXECUTED)
"""By the same router."""
PAID_BY_TWO = [event(nonce, EventKind.EXECUTED) for nonce in (2, 5)]
WHOLE = [event(nonce, kind) for nonce in (1, 4) for kind in EventKind]


WALKS = (
    [("see", [CALLED], None), ("keep",), ("lose", CALLED)],
    [("see", [PAID], None), ("keep",), ("lose", PAID)],
    [("see", [PAID], None), ("keep",), ("see", [PAID_ELSEWHERE], None)],
    [("see", [PAID_ELSEWHERE], None), ("keep",), ("see", [PAID], None)],
    [("see", [CALLED], None), ("keep",), ("keep spans",), ("see", [PAID], None)],
    [("see", [CALLED], None), ("keep",), ("keep spans",), ("lose", CALLED)],
    [("see", [PAID], None), ("keep",), ("correct", PAID)],
    [SEE_BOTH, ("keep",), ("lose", PAID)],
    [SEE_BOTH, ("keep",), ("lose", PAID_ELSEWHERE)],
    [("see", PAID_BY_TWO, None), ("keep",)],
    [("see", [PAID_LATER, PAID_LAST], None), ("see", [PAID], None), ("lose", PAID_LAST), ("lose", PAID)],
    [("see", [event(7, EventKind.XCALLED), PAID_LAST, PAID], None), ("lose", PAID_LAST)],
    [("see", [PAID], None), ("see", [PAID_LATER], None), ("lose", PAID)],
    [("see", [event(0, EventKind.EXECUTED)], None), ("see", WHOLE, None), ("prune", _END)],
)
Walk = Sequence[tuple[object, ...]]
Property = Callable[..., Coroutine[None, None, None] | None]


def walks(kinds: st.SearchStrategy[tuple[object, ...]]) -> Callable[[Property], Property]:
    """A property of any changes of these kinds, and of those of `WALKS` in any case."""

    def of_any(test: Property) -> Property:
        for walk in WALKS:
            test = example(walk)(test)
        return given(st.lists(kinds, min_size=4, max_size=14))(test)

    return of_any


@settings(examples(60))
@walks(steps | st.tuples(st.just("restore")))
def test_what_is_kept_is_what_counting_gives_after_any_changes(taken: Walk) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_walk(Path(folder) / "monitor.db", taken))


@pytest.mark.server
@settings(examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@walks(steps)
async def test_what_a_server_keeps_is_what_counting_gives_after_any_changes(new_store: NewStore, taken: Walk) -> None:
    async with new_store() as store:
        for step in taken:
            await _take(store, *step)
            await _is_right(store, step)


async def _walk(file: Path, taken: Walk) -> None:
    store = await open_store(file, NAMES, Inline)
    for step in taken:
        if step[0] == "restore":
            store = await _restored(store, file)
        else:
            await _take(store, *step)
        await _is_right(store, step)
    await store.close()


async def _is_right(store: Store, step: tuple[object, ...]) -> None:
    assert await store.database.read(_different) == [], step
    assert await store.database.write(_wrongly_fronted) is None, step
    assert await store.database.read(_wrongly_last) is None, step


def _different(connection: Connection) -> list[int]:
    """The quarters and spans of which something else is kept than counting gives."""
    quarters = [
        quarter
        for quarter, counts in kept(connection, 0, _END)
        if counts != quarter_of(counted(connection, Window(quarter, quarter + QUARTER), HOUR))
    ]
    return quarters + [
        span
        for span, counts in kept_within(connection, 0, _BEHIND_SPANS)
        if counts != span_of(counted(connection, Window(span, span + SPAN), QUARTER))
    ]


def _wrongly_fronted(connection: Connection) -> object:
    """What differs from what the transfers' rows and events say, of who fronted and what."""
    everywhere = Window(0, _END)
    rows = "SELECT {}, origin, destination, routers FROM {} ORDER BY 1"
    listed = connection.run(rows.format("transfer", "fronted")).fetchall()
    waiting = "transfers WHERE executed_at IS NOT NULL AND reconciled_at IS NULL AND length(routers) > 0"
    stored = connection.run(rows.format("id", waiting)).fetchall()
    known = owed(connection, everywhere)
    connection.run("SAVEPOINT recount")
    connection.run("UPDATE fronted SET asset = NULL, amount = NULL, executed_at = NULL")
    connection.run("UPDATE debts SET transfers = NULL")
    read_again = owed(connection, everywhere)
    connection.run("ROLLBACK TO recount")
    return None if (listed, known) == (stored, read_again) else (listed, stored, known, read_again)


def _wrongly_last(connection: Connection) -> object:
    """What differs from what the transfers' rows say, of when each set of routers executed on each pathway last."""
    every = "SELECT destination, origin, routers, {} FROM {} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    stored = connection.run(every.format("max(executed_at)", "transfers WHERE executed_at IS NOT NULL")).fetchall()
    known = connection.run(every.format("max(last)", "last_executions")).fetchall()
    return None if known == stored else (known, stored)


async def _take(store: Store, name: object, *given: object) -> None:
    match name, given:
        case "see", (list() as records, Durations() | None as durations):
            await commit(store, seen(*records), durations=lambda *_: durations)
        case "lose", (EventRecord() as record,):
            await commit(store, gone(record))
        case "correct", (EventRecord() as record,):
            await commit(store, gone(record), seen(_in_another_token(record)))
        case "recompute", (Durations() | None as durations,):
            await store.deadlines.recompute(lambda *_: durations, {})
        case "prune", (int() as before,):
            await _prune(store, before)
        case "keep spans", _:
            for span in await store.statistics.spans_not_kept(_BEHIND_SPANS):
                await store.statistics.keep_span(span)
        case _:
            await store.statistics.read_fronted(3)
            await store.statistics.add_up_debts(3)
            for quarter in await store.statistics.not_kept(_END, 100):
                await store.statistics.keep(quarter)


async def _prune(store: Store, before: int) -> None:
    reached = Coverage(BlockNumber(0), BlockNumber(1_000), sighting(1_000).block)
    await commit(store, progress=[ChainProgress(domain, reached, 0, 9) for domain in (ALPHA, BETA)])
    settled = await store.retention.settled(before, None, 100)
    await store.retention.prune(settled, before)


async def _restored(store: Store, file: Path) -> Store:
    await store.close()
    copy = file.with_name("copy.db")
    shutil.copy(file, copy)
    with Restore(file) as restore:
        restore.put_in_place(copy, NOW)
    return await open_store(file, NAMES, Inline)


async def test_fills_read_by_an_earlier_version_are_owed_since_the_same_time(file: Path) -> None:
    store = await open_store(file, NAMES, Inline)
    await commit(store, seen(*[event(nonce, kind) for nonce in (1, 2, 4) for kind in _NOT_RECONCILED]))
    await store.statistics.read_fronted(2)
    known = await store.database.read(lambda connection: owed(connection, Window(0, _END)))
    await store.close()
    put_back(file, "0020")
    store = await open_store(file, NAMES, Inline)
    assert len({its.oldest for _, its in known}) > 1
    assert await store.database.read(lambda connection: owed(connection, Window(0, _END))) == known
    await store.close()


async def test_counts_kept_by_an_earlier_version_are_counted_anew(file: Path) -> None:
    store = await open_store(file, NAMES, Inline)
    await commit(store, seen(event(0, EventKind.XCALLED)))
    await store.close()
    put_back(file, "0027")
    with closing(sqlite3.connect(file)) as connection:
        for table, since in (("kept_counts", _BEGIN), ("kept_spans", _BEGIN - _BEGIN % SPAN)):
            connection.execute(f"INSERT INTO {table} VALUES (?, ?)", (since, b"\x90"))  # noqa: S608 - ours
        connection.commit()
    store = await open_store(file, NAMES, Inline)
    assert await store.statistics.not_kept(_END, 100) == [_BEGIN]
    numbers = await store.statistics.over(Window(_BEGIN - SPAN, _BEGIN + 2 * SPAN), DAY)
    assert [pathway.begun for pathway in numbers.stats.pathways] == [1]
    await store.close()


async def test_nothing_is_kept_of_a_quarter_without_transfers(store: Store) -> None:
    await commit(store, seen(event(0, EventKind.XCALLED), event(5, EventKind.XCALLED)))
    assert await store.statistics.not_kept(_END, 100) == [_BEGIN, _BEGIN + QUARTER]
    assert await store.statistics.not_kept(_BEGIN + QUARTER, 100) == [_BEGIN]
    assert await store.statistics.not_kept(_END, 1) == [_BEGIN]


async def test_a_span_that_is_over_is_kept_with_its_quarters(store: Store) -> None:
    await commit(store, seen(event(0, EventKind.XCALLED)))
    [quarter] = await store.statistics.not_kept(_END, 100)
    await store.statistics.keep(quarter)
    span = quarter - quarter % SPAN
    assert await store.statistics.spans_not_kept(span + SPAN - 1) == []
    assert await store.statistics.spans_not_kept(span + SPAN) == [span]
    await store.statistics.keep_span(span)
    assert await store.statistics.spans_not_kept(span + SPAN) == []
    quarters = await store.database.read(lambda connection: [since for since, _ in kept(connection, 0, span + SPAN)])
    assert quarters == list(range(span, span + SPAN, QUARTER))
