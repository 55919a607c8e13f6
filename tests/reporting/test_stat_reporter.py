"""The stat reporter on a real database, and the picture of a report."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.report import LegFigures, PathwayFigures, Report
from connext_monitor.core.transfer import ObservedChange, Sighting
from connext_monitor.core.words import duration_words
from connext_monitor.reporting import picture
from connext_monitor.reporting.stat_reporter import StatReporter
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.recording import commit
from tests.world.transfers import durations, executed, info, reconciled, xcalled
from tests.world.two_chains import DESTINATION, LABELS, ORIGIN
from tests.world.waiting import running, until

MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


def sighting(at: datetime, number: int) -> Sighting:
    block = BlockRef(BlockNumber(number), Hash32(number.to_bytes(32)), Timestamp(int(at.timestamp())))
    return Sighting(block, Hash32(bytes(32)), 0)


async def cross(store: Store, nonce: int, at: datetime, took: int) -> None:
    """A transfer that begins then and takes so many seconds for each leg."""
    transfer, later = info(nonce, ORIGIN, DESTINATION), at + timedelta(seconds=took)
    records = [
        xcalled(transfer, sighting(at, nonce)),
        executed(transfer, sighting(later, nonce)),
        reconciled(transfer, sighting(later, nonce)),
    ]
    step = ObservedChange(seen=tuple(records))
    await commit(store, step, durations=durations, at=MIDNIGHT)


def reporter(store: Store, clock: ManualClock, caught_up: Callable[[], bool], wake: Callable[[], None]) -> StatReporter:
    """Of every day, to one channel."""
    shelf = store.reports
    return StatReporter(store.statistics, shelf, timedelta(days=1), ["ops"], caught_up, wake, clock)


async def look(store: Store, at: datetime) -> list[Report]:
    """What a reporter that runs at this time finds to tell."""
    woken: list[None] = []
    shelf = store.reports
    running_reporter = reporter(store, ManualClock(at), lambda: True, lambda: woken.append(None))
    before = await shelf.last(at.timestamp())
    async with running(running_reporter.run()):
        if before is None:
            async with asyncio.timeout(60):
                while await shelf.last(at.timestamp()) is None:  # noqa: ASYNC110 - a fact about the store, no event
                    await asyncio.sleep(0.01)
        elif at.timestamp() - before > 86_460:
            await until(lambda: woken)
        else:
            await asyncio.sleep(0.1)  # what must not happen has no event
    queued = await shelf.next_report("ops")
    if queued is not None:
        await shelf.report_sent(queued.id, "ops", at)
    return [queued.report] if queued else []


async def test_a_day_is_reported_once_and_missed_days_never(
    store: Store,
) -> None:
    day = timedelta(days=1)
    await cross(store, 1, MIDNIGHT + timedelta(hours=1), 40)
    await cross(store, 2, MIDNIGHT + day + timedelta(hours=1), 60)
    await cross(store, 3, MIDNIGHT + day + timedelta(hours=2), 80)
    assert await look(store, MIDNIGHT + timedelta(hours=5)) == []
    assert await look(store, MIDNIGHT + day + timedelta(seconds=30)) == []
    [first] = await look(store, MIDNIGHT + day + timedelta(seconds=90))
    assert [(pathway.begun, pathway.execute.p50) for pathway in first.pathways] == [(1, 40)]
    assert first.before == ()
    assert await look(store, MIDNIGHT + day + timedelta(hours=9)) == []
    [second] = await look(store, MIDNIGHT + 2 * day + timedelta(hours=2))
    assert [(pathway.begun, pathway.fast, pathway.execute.p50, pathway.execute.p95) for pathway in second.pathways] == [
        (2, 2, 60, 80)
    ]
    assert [pathway.begun for pathway in second.before] == [1]
    # Five days without the monitor: one report, on the last of them.
    [after] = await look(store, MIDNIGHT + 7 * day + timedelta(hours=2))
    assert (after.since, after.pathways) == (int((MIDNIGHT + 6 * day).timestamp()), ())


async def test_after_a_downtime_it_waits_until_what_happened_has_been_read(store: Store) -> None:
    await store.reports.begin(int(MIDNIGHT.timestamp()), MIDNIGHT)
    read, asked, woken = False, 0, 0

    def caught_up() -> bool:
        nonlocal asked
        asked += 1
        return read

    def wake() -> None:
        nonlocal woken
        woken += 1

    day = timedelta(days=1)
    clock = ManualClock(MIDNIGHT + day + timedelta(hours=9))
    async with running(reporter(store, clock, caught_up, wake).run()):
        await until(lambda: asked >= 2)
        assert woken == 0
        await cross(store, 1, MIDNIGHT + timedelta(hours=1), 40)
        read = True
        await until(lambda: woken)
    queued = await store.reports.next_report("ops")
    assert queued is not None
    assert [pathway.begun for pathway in queued.report.pathways] == [1]


async def test_it_waits_only_so_long_for_an_unreadable_chain(store: Store) -> None:
    await store.reports.begin(int(MIDNIGHT.timestamp()), MIDNIGHT)
    asked, woken = 0, 0
    clock = ManualClock(MIDNIGHT + timedelta(days=1, hours=9))

    def caught_up() -> bool:
        nonlocal asked
        asked += 1
        return False

    def wake() -> None:
        nonlocal woken
        woken += 1

    async with running(reporter(store, clock, caught_up, wake).run()):
        await until(lambda: asked)
        assert woken == 0
        clock.passed = 3600.0
        await until(lambda: woken)


async def test_a_report_from_the_future_holds_back_no_other(store: Store) -> None:
    """It was made while the clock was a year ahead."""
    day, woken = timedelta(days=1), asyncio.Event()
    await store.reports.begin(int(MIDNIGHT.timestamp()), MIDNIGHT)
    await store.reports.begin(int((MIDNIGHT + 365 * day).timestamp()), MIDNIGHT)
    await cross(store, 1, MIDNIGHT + timedelta(hours=1), 40)
    clock = ManualClock(MIDNIGHT + day + timedelta(hours=1))
    async with running(reporter(store, clock, lambda: True, woken.set).run()):
        async with asyncio.timeout(60):
            await woken.wait()
    queued = await store.reports.next_report("ops")
    assert queued is not None
    assert (queued.report.until, len(queued.report.pathways)) == (int((MIDNIGHT + day).timestamp()), 1)


async def test_nothing_is_reported_while_no_chain_agrees_with_the_time(store: Store) -> None:
    shelf, asked, settled, woken = store.reports, 0, False, asyncio.Event()
    await shelf.begin(int(MIDNIGHT.timestamp()), MIDNIGHT)

    def is_settled() -> bool:
        nonlocal asked
        asked += 1
        return settled

    clock = ManualClock(MIDNIGHT + timedelta(days=365))
    running_reporter = StatReporter(
        store.statistics, shelf, timedelta(days=1), ["ops"], lambda: True, woken.set, clock, is_settled
    )
    async with running(running_reporter.run()):
        await until(lambda: asked >= 4)
        assert not woken.is_set()
        clock.at, settled = MIDNIGHT + timedelta(days=1, hours=1), True
        async with asyncio.timeout(60):
            await woken.wait()
    assert await shelf.last(2**40) == int((MIDNIGHT + timedelta(days=1)).timestamp())


PATHWAY = PathwayFigures(ORIGIN, DESTINATION, 9, 5, 1, LegFigures(6, 30, 90, 1), LegFigures())
HOSTILE = PathwayFigures(DomainId(5), DomainId(6), 1, 0, 0, LegFigures(), LegFigures())
NAMED_BY_STRANGERS = ChainLabels({DomainId(5): ChainLabel(r"$\frac{$" + "\x1b\n" + "x" * 100)})
"""What would be a formula if it were not only text."""


async def test_a_picture_is_drawn_of_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(0, 86_400, (PATHWAY, HOSTILE), (PATHWAY,))
    drawn = await picture.draw(report, NAMED_BY_STRANGERS, within=500)
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    silent = PathwayFigures(ORIGIN, DESTINATION)
    assert await picture.draw(Report(0, 86_400, (silent,), (PATHWAY,)), LABELS) is None
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert await picture.draw(report, LABELS) is None


async def test_where_no_process_can_be_started_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert await picture.draw(Report(0, 86_400, (PATHWAY,), (PATHWAY,)), LABELS) is None


@pytest.mark.parametrize(
    ("longest", "marks"),
    [
        (0, ["0 s"]),
        (3, ["0 s", "1 s", "2 s", "3 s"]),
        (36_000, ["0 s", "3 h", "6 h", "9 h"]),
        (3 * 86_400, ["0 s", "1 d", "2 d", "3 d"]),
        (30 * 86_400, ["0 s", "8 d", "16 d", "24 d"]),
    ],
)
def test_times_are_marked_by_round_ones(longest: int, marks: list[str]) -> None:
    assert [duration_words(mark) for mark in picture.time_marks(longest)] == marks


def test_names_of_strangers_are_short_and_printable_in_it() -> None:
    [bars] = picture.bars_of(Report(0, 86_400, (HOSTILE,), ()), NAMED_BY_STRANGERS)
    assert len(bars.name) <= 40
    assert bars.name.isprintable()
