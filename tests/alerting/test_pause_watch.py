"""A paused bridge is alerted about once its contract says so at a covered block, and until it does not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.alerting.pause_watch import PauseWatch
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.bridge_paused import BRIDGE_PAUSED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_records import BridgeChanges, StoredBridgeRecord
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.transfer import Provenance
from connext_monitor.store.store import Store
from tests.alerting.set_chains import PausableChain
from tests.world.bridge import TX, bridge_record, read_in
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.recording import put
from tests.world.two_chains import AT, NAMES, ORIGIN
from tests.world.waiting import running, until

PAUSED, UNPAUSED = bridge_record("Paused", domain=ORIGIN), bridge_record("Unpaused", 12, domain=ORIGIN)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", NAMES)
    yield opened
    await opened.close()


def watch(store: Store, diamond: PausableChain) -> PauseWatch:
    clock = ManualClock(AT)
    return PauseWatch(desk_on(store.alerts, "ops", clock=clock), {ORIGIN: diamond}, store.bridge, clock)


async def alerts(store: Store) -> list[Alert]:
    return [row.alert for row, _ in await store.alerts.listed(None, limit=10)]


async def resolution(store: Store) -> Resolution | None:
    return (await alerts(store))[0].resolution


async def test_a_covered_pause_opens_one_alert_that_says_where_it_stands(store: Store) -> None:
    diamond = PausableChain(paused=False)
    pauses = watch(store, diamond)
    async with running(pauses.run()):
        await until(lambda: diamond.asked)
        changes, _ = await put(store, read_in(Provenance.COVERED, PAUSED))
        diamond.paused = True
        pauses.committed(changes.bridge)
        await until(lambda: alerts(store))
        [alert] = await alerts(store)
        details = BRIDGE_PAUSED.details_of(alert)
        assert (details.tx_hash, details.paused_at) == (f"0x{TX.hex()}", PAUSED.block.timestamp)
        changes, _ = await put(store, read_in(Provenance.COVERED, UNPAUSED))
        diamond.paused = False
        pauses.committed(changes.bridge)
        await until(lambda: resolution(store))
        assert await resolution(store) is Resolution.UNPAUSED
    assert diamond.asked == 3


async def test_what_was_paused_before_the_start_is_alerted_about_once(store: Store) -> None:
    for _ in range(2):
        diamond = PausableChain(paused=None)
        async with running(watch(store, diamond).run()):
            await until(lambda: diamond.asked > 1)  # noqa: B023 - of this round
            diamond.paused = True
            asked = diamond.asked
            await until(lambda: diamond.asked > asked)  # noqa: B023
            await until(lambda: alerts(store))
    assert [alert.resolution for alert in await alerts(store)] == [None]
    async with running(watch(store, PausableChain(paused=False)).run()):
        await until(lambda: resolution(store))
    assert await resolution(store) is Resolution.UNPAUSED


async def test_a_pause_that_the_contract_does_not_confirm_alerts_nobody(store: Store) -> None:
    diamond = PausableChain(paused=False)
    pauses = watch(store, diamond)
    async with running(pauses.run()):
        await until(lambda: diamond.asked)
        pauses.committed(BridgeChanges(covered=(PAUSED,)))
        await until(lambda: diamond.asked > 1)
        pauses.committed(BridgeChanges(covered=(bridge_record("RouterAdded", domain=ORIGIN),)))
        pauses.committed(BridgeChanges(covered=(UNPAUSED,)))
        await until(lambda: diamond.asked > 2)
    assert (await alerts(store), diamond.asked) == ([], 3)


async def test_nobody_is_asked_before_the_block_of_the_pause_is_covered(store: Store) -> None:
    diamond = PausableChain(paused=False)
    pauses = watch(store, diamond)
    async with running(pauses.run()):
        await until(lambda: diamond.asked)
        diamond.covered = 9
        pauses.committed(BridgeChanges(covered=(PAUSED,)))
        await until(lambda: diamond.early)
        diamond.paused, diamond.covered = True, 10
        await until(lambda: alerts(store))
    assert diamond.asked == 2


async def test_a_pause_that_a_reorg_takes_back_ends_so(store: Store) -> None:
    diamond = PausableChain(paused=True)
    pauses = watch(store, diamond)
    async with running(pauses.run()):
        await until(lambda: alerts(store))
        diamond.paused = False
        pauses.committed(BridgeChanges(removed=(StoredBridgeRecord(PAUSED, covered=True),)))
        await until(lambda: resolution(store))
    assert await resolution(store) is Resolution.REORGED


async def test_a_pause_that_is_taken_back_while_its_alert_opens_ends_so(store: Store) -> None:
    diamond = PausableChain(paused=True)
    pauses = watch(store, diamond)
    answer = diamond.paused_when_covered

    async def taken_back_meanwhile(number: BlockNumber) -> bool | None:
        paused = await answer(number)
        if diamond.asked == 1:
            diamond.paused = False
            pauses.committed(BridgeChanges(removed=(StoredBridgeRecord(PAUSED, covered=True),)))
        return paused

    diamond.paused_when_covered = taken_back_meanwhile  # type: ignore[method-assign]
    async with running(pauses.run()):
        await until(lambda: diamond.asked > 1)
        await until(lambda: resolution(store))
    assert await resolution(store) is Resolution.REORGED


AGAIN = bridge_record("Paused", 14, domain=ORIGIN)
EVENTS = [PAUSED, UNPAUSED, AGAIN]


@given(
    order=st.permutations(EVENTS),
    without=st.sets(st.sampled_from(EVENTS), max_size=2),
    pushed=st.sets(st.sampled_from(EVENTS)),
)
async def test_in_any_order_the_same_events_leave_the_same_alert(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[BridgeRecord],
    without: set[BridgeRecord],
    pushed: set[BridgeRecord],
) -> None:
    store = await open_store(tmp_path_factory.mktemp("order") / "monitor.db", NAMES)
    diamond, heard = PausableChain(paused=False), list[BridgeRecord]()
    pauses = watch(store, diamond)
    async with running(pauses.run()):
        await until(lambda: diamond.asked)
        asked = diamond.asked
        for record in (record for record in order if record not in without):
            for provenance in (*([Provenance.PUSHED] if record in pushed else []), Provenance.COVERED):
                changes, _ = await put(store, read_in(provenance, record))
                if provenance is Provenance.COVERED:
                    heard.append(record)
                    newest = max(heard, key=lambda record: record.block.number)
                    diamond.paused, asked = newest.event.kind == "Paused", diamond.asked
                pauses.committed(changes.bridge)
        await until(lambda: diamond.asked > asked)

        async def is_told() -> bool:
            return [alert.resolution for alert in await alerts(store)].count(None) == diamond.paused

        await until(is_told)
    await store.close()
