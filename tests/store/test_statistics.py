"""What the database counts is what counting transfer by transfer gives."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.counts import DAY, HOUR, QUARTER
from connext_monitor.core.deadline import LEGS, Leg, TransferWithDeadlines, sighting_of
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.stats import TimeBucket, Window
from connext_monitor.store.migrations.versions import v0010_routers
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.store.counting import ROUTERS, START, Made, buckets, in_window, pathways, routers
from tests.world.databases import make_old
from tests.world.examples import examples
from tests.world.kinds import overdue
from tests.world.recording import NAMES, NOW, gone, put, seen
from tests.world.transfers import ALPHA, BETA, GAMMA, executed, info, sighting, xcalled

made = st.builds(
    Made,
    pathway=st.sampled_from([(ALPHA, BETA), (BETA, ALPHA), (ALPHA, GAMMA)]),
    begun=st.integers(0, 20_000),
    called=st.booleans() | st.just(True),
    executed=st.none() | st.integers(-5, 1_000),
    routers=st.lists(st.sampled_from(ROUTERS), max_size=3).map(tuple),
    reconciled=st.none() | st.integers(-5, 20_000),
    accused=st.frozensets(st.sampled_from(LEGS)),
    amount=st.integers(0, 2**200),
)
windows = st.builds(
    lambda since, length, origin, destination: Window(START + since, START + since + length, origin, destination),
    since=st.integers(-1_000, 20_000),
    length=st.integers(1, 20_000) | st.integers(20_000, 90_000),
    origin=st.none() | st.none() | st.just(ALPHA),
    destination=st.none() | st.none() | st.sampled_from([ALPHA, BETA]),
)
days = st.builds(
    lambda since, length, ends: Window(START + since, START + since + length, *ends),
    since=st.integers(-9 * DAY, 0),
    length=st.integers(10 * DAY, 20 * DAY),
    ends=st.sampled_from([(None, None), (None, None), (ALPHA, None), (None, ALPHA), (ALPHA, BETA), (BETA, ALPHA)]),
)
windows_in_parts = st.tuples(windows, st.sampled_from([60, HOUR, QUARTER, DAY])) | st.tuples(
    days, st.sampled_from([HOUR, QUARTER, DAY, DAY])
)


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A database that was just made; making one takes longer than everything else here."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"

        async def make() -> None:
            await (await Store.open(file, NAMES)).close()

        asyncio.run(make())
        yield file


BACK = Made((BETA, ALPHA), 0, called=True, executed=60, routers=(), reconciled=600, accused=frozenset(), amount=1)
TOGETHER = tuple(ROUTERS[:2])
THERE = replace(BACK, pathway=(ALPHA, BETA), begun=25_000, executed=70, routers=TOGETHER[:1], reconciled=None)
AROUND = Window(START - 9 * DAY, START + 9 * DAY, origin=ALPHA)
OF_ONE = replace(AROUND, destination=BETA)
OF_ALL = replace(AROUND, origin=None)


SHARED = [HealthCheck.function_scoped_fixture]
COUNTED = given(
    transfers=st.lists(made, max_size=12),
    in_parts=windows_in_parts,
    kept=st.integers(0, 3),
    spans_kept=st.booleans(),
)


@example(transfers=[BACK], in_parts=(AROUND, DAY), kept=1, spans_kept=True)
@example(transfers=[BACK, THERE], in_parts=(OF_ONE, DAY), kept=1, spans_kept=True)
@example(transfers=[BACK, THERE], in_parts=(OF_ALL, QUARTER), kept=1, spans_kept=True)
@example(transfers=[BACK, THERE], in_parts=(OF_ALL, DAY), kept=1, spans_kept=True)
@example(transfers=[BACK, THERE], in_parts=(OF_ALL, HOUR), kept=2, spans_kept=False)
@example(transfers=[BACK, THERE], in_parts=(AROUND, HOUR), kept=2, spans_kept=False)
@example(transfers=[THERE, replace(THERE, begun=0, routers=TOGETHER)], in_parts=(OF_ALL, DAY), kept=0, spans_kept=False)
@settings(examples(40), suppress_health_check=SHARED)
@COUNTED
def test_what_is_counted_in_the_database_is_what_counting_by_hand_gives(
    empty: Path, transfers: Sequence[Made], in_parts: tuple[Window, int], kept: int, spans_kept: bool
) -> None:
    async def check(file: Path) -> None:
        store = await Store.open(file, NAMES)
        await is_counted(store, transfers, in_parts, kept, spans_kept=spans_kept)
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(shutil.copy(empty, folder))))


@pytest.mark.server
@example(transfers=[BACK], in_parts=(AROUND, DAY), kept=1, spans_kept=True)
@settings(examples(5), suppress_health_check=SHARED)
@COUNTED
async def test_what_a_server_counts_is_what_counting_by_hand_gives(
    new_store: NewStore, transfers: Sequence[Made], in_parts: tuple[Window, int], kept: int, spans_kept: bool
) -> None:
    async with new_store() as store:
        await is_counted(store, transfers, in_parts, kept, spans_kept=spans_kept)


async def is_counted(
    store: Store, transfers: Sequence[Made], in_parts: tuple[Window, int], kept: int, *, spans_kept: bool
) -> None:
    """By hand and by the database, once some of it is kept."""
    window, width = in_parts
    await put(store, seen(*(record for nonce, transfer in enumerate(transfers) for record in transfer.records(nonce))))
    for nonce, transfer in enumerate(transfers):
        for leg in transfer.accused:
            await accuse(store, transfer, nonce, leg)
    views = await store.transfers.listed(TransferFilter(), limit=100)
    for quarter in await store.statistics.not_kept(START + 30_000, kept):
        await store.statistics.keep(quarter)
    for span in await store.statistics.spans_not_kept(START + 20 * DAY) if spans_kept else ():
        await store.statistics.keep_span(span)
    numbers = await store.statistics.over(window, width)
    stats, timeline = numbers.stats, numbers.timeline
    assert await store.statistics.router_fills(window) == numbers.filled
    by_hand = [view for view in views if in_window(view.transfer, window)]
    assert set(stats.pathways) == pathways(by_hand, window)
    assert {replace(router, owed=tuple(sorted(router.owed, key=repr))) for router in stats.routers} == routers(
        by_hand, window, {transfer.info(nonce).nonce: transfer.amount for nonce, transfer in enumerate(transfers)}
    )
    assert [bucket for bucket in timeline.buckets if bucket != TimeBucket(bucket.since)] == buckets(
        by_hand, window, width
    )


async def accuse(store: Store, transfer: Made, nonce: int, leg: Leg) -> None:
    """Open the leg's alert, as the scheduler does where it is owed."""
    record = next(transfer.records(nonce), None)
    if record is None:
        return

    def decide(watched: TransferWithDeadlines | None) -> Alert | None:
        transfer = getattr(watched, "transfer", None)
        owed = transfer and transfer.xcalled and sighting_of(transfer, leg) is None
        return overdue(record.event.transfer_id, leg, 1, NOW) if owed else None

    await store.alerts.open_decided([(record.event.transfer_id, decide)], lambda _alert: ())


INFO = info()


async def test_a_fill_that_a_reorg_takes_back_is_no_longer_counted(store: Store) -> None:
    paid = executed(INFO, sighting(20))
    await put(store, seen(xcalled(INFO, sighting(10))), seen(paid))
    window = Window(START, START + 100)
    [router] = (await store.statistics.over(window)).stats.routers
    assert (router.fills, router.owed[0].amount) == (1, 10**18)
    await put(store, gone(paid))
    stats = (await store.statistics.over(window)).stats
    assert stats.routers == ()
    assert (stats.pathways[0].executed_fast, stats.pathways[0].last_executed) == (0, None)


async def test_an_executed_in_two_places_is_owed_once(store: Store) -> None:
    paid, elsewhere = executed(INFO, sighting(20)), executed(INFO, sighting(21, fork="other"))
    await put(store, seen(xcalled(INFO, sighting(10))), seen(paid), seen(elsewhere))
    [router] = (await store.statistics.over(Window(START, START + 100))).stats.routers
    assert [(owed.amount, owed.transfers) for owed in router.owed] == [(10**18, 1)]


async def test_the_migration_gives_what_is_stored_its_routers(file: Path) -> None:
    store = await Store.open(file, NAMES)
    params = [info(nonce) for nonce in range(4)]
    await put(
        store,
        *(seen(xcalled(transfer, sighting(nonce))) for nonce, transfer in enumerate(params)),
        seen(executed(params[0], sighting(20), tuple(ROUTERS)), executed(params[1], sighting(21), ())),
        # Only the lower place counts, and nothing that stands on the wrong chain.
        seen(executed(params[2], sighting(30), (ROUTERS[0],)), executed(params[2], sighting(31, fork="b"), ())),
        seen(executed(params[3], sighting(32), (ROUTERS[0],), domain=GAMMA)),
    )
    await store.close()
    before = routers_column(file)
    assert sorted(before.values(), key=repr) == sorted([b"".join(ROUTERS), b"", ROUTERS[0], None], key=repr)
    old = file.with_name("old.db")
    make_old(old, v0010_routers.down_revision)
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("ATTACH ? AS newer", (str(file),))
        connection.execute(
            "CREATE TEMP VIEW old_events AS SELECT iif(e.kind = 1, 'xcalled', 'executed') AS kind, transfer_id, e.*"
            " FROM newer.events AS e JOIN newer.transfers AS t ON t.id = e.transfer"
        )
        for table, source in (("events", "old_events"), ("transfers", "newer.transfers")):
            kept = ", ".join(name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO {table} ({kept}) SELECT {kept} FROM {source}")  # noqa: S608 - of the test
        connection.commit()
    await (await Store.open(old, NAMES)).close()
    assert routers_column(old) == before


def routers_column(file: Path) -> dict[bytes, bytes | None]:
    with closing(sqlite3.connect(file)) as connection:
        return dict(connection.execute("SELECT transfer_id, routers FROM transfers"))
