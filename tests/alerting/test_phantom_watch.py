"""The phantom watch on a real store: a delivery is accused only when its origin's nonces prove it."""

import asyncio
from pathlib import Path

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.phantom_delivery import PHANTOM_DELIVERY
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.recording import Changes
from tests.alerting.phantoms import CLAIMED, DELIVERY, PHANTOM_OPEN, bench, called, settling
from tests.world.alerts import NOW
from tests.world.clocks import ManualClock
from tests.world.recording import gone, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled
from tests.world.waiting import until


async def test_an_unused_nonce_is_accused_once_its_origin_is_final(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY))
        await made.looks_twice_and_accuses_nobody()
        await made.covers(20, 10, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(25, 20, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        assert made.origin.answers.fetched == []
        await made.covers(30, 25, upcoming=5)
        await made.says(PHANTOM_OPEN)
        assert set(made.origin.answers.fetched) == {DELIVERY.event.transfer_id}
        assert set(made.destination.answers.asked) == {DELIVERY.event.transfer_id}
        assert max(made.origin.answers.since) < DELIVERY.sighting.block.timestamp


async def test_a_nonce_that_another_transfer_has_is_accused(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        others = [called(nonce, nonce) for nonce in (5, 6, CLAIMED)]
        await put(made.store, seen(DELIVERY, *others))
        await made.covers(30, 6, upcoming=8)
        await made.looks_twice_and_accuses_nobody()
        # Final is what has its nonce, but not yet all that its own XCalled could stand in.
        await made.covers(35, 29, upcoming=8)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 30, upcoming=8)
        await made.says(PHANTOM_OPEN)
        ((row, _),) = await made.store.alerts.listed(None, limit=1)
        assert PHANTOM_DELIVERY.details_of(row.alert).holder == f"0x{others[-1].event.transfer_id.hex()}"


async def test_a_nonce_from_before_the_watch_accuses_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path, first=CLAIMED + 1) as made:
        await put(made.store, seen(DELIVERY))
        await made.covers(40, 40, upcoming=CLAIMED + 1)
        await made.looks_twice_and_accuses_nobody()


async def test_a_nonce_within_a_hole_accuses_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=CLAIMED + 1)
        await made.covers(40, 40, upcoming=CLAIMED + 1)
        await made.looks_twice_and_accuses_nobody()


@pytest.mark.parametrize("searched", [True, False])
async def test_an_origin_that_has_it_or_is_silent_accuses_nobody(tmp_path: Path, searched: bool) -> None:
    async with bench(tmp_path) as made:
        made.origin.answers.searched, made.origin.answers.find = searched, lambda _: asyncio.sleep(0)
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        assert made.origin.answers.fetched


@pytest.mark.parametrize("says", [None, TransferStatus.NONE, TransferStatus.RECONCILED])
async def test_a_delivery_that_its_destination_does_not_confirm_accuses_nobody(
    tmp_path: Path, says: TransferStatus | None
) -> None:
    async with bench(tmp_path) as made:
        made.destination.answers.status = says
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        made.destination.answers.status = TransferStatus.COMPLETED
        await made.says(PHANTOM_OPEN)


async def test_a_pushed_delivery_accuses_nobody_until_covered(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.covers(19, 15, upcoming=0, domain=BETA)
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        assert made.destination.looks == [DELIVERY.sighting.block.timestamp]
        await made.covers(20, 15, upcoming=0, domain=BETA)
        await made.says(PHANTOM_OPEN)


async def test_nothing_is_remembered_of_a_delivery_that_was_taken_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.covers(19, 15, upcoming=0, domain=BETA)
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await put(made.store, gone(DELIVERY))
        await made.looks_twice_and_accuses_nobody()
        await made.covers(50, 40, upcoming=5)
        await put(made.store, seen(DELIVERY))
        await made.looks_twice_and_accuses_nobody()
        # Only from now on it is known to be there: what the origin had been covered to before settles nothing.
        assert made.destination.looks == [DELIVERY.sighting.block.timestamp]
        await made.covers(60, 50, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        assert made.destination.looks == 2 * [DELIVERY.sighting.block.timestamp]
        await made.covers(20, 15, upcoming=0, domain=BETA)
        await made.says(PHANTOM_OPEN)


async def test_a_reconciliation_alone_accuses_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(reconciled(info(CLAIMED), sighting(20))))
        await made.covers(30, 25, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        assert made.origin.answers.fetched == []


async def test_a_restart_repeats_no_alert(tmp_path: Path) -> None:
    for _ in range(2):
        async with bench(tmp_path) as made:
            await put(made.store, seen(DELIVERY))
            await made.covers(30, 25, upcoming=5)
            await made.covers(40, 40, upcoming=5)
            await made.says(PHANTOM_OPEN)
            rounds = len(made.rounds)
            async with asyncio.timeout(60):
                while len(made.rounds) < rounds + 2:  # noqa: ASYNC110 - rounds are counted, no event
                    await asyncio.sleep(0.01)
            assert [channel.waiting for channel in await made.store.outbox.channels()] == [1]


async def test_however_often_restarted_what_is_long_final_accuses(tmp_path: Path) -> None:
    delivered_at, hour = DELIVERY.sighting.block.timestamp, 3600
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY))
        await made.settles(30, delivered_at + hour - 60, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
    async with bench(tmp_path) as made:
        # Final up to where no earlier process saw it end, and not yet past what clocks may differ by.
        await made.settles(39, delivered_at + hour, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
    async with bench(tmp_path) as made:
        await made.settles(48, delivered_at + hour + 1, upcoming=5)
        await made.says(PHANTOM_OPEN)


@pytest.mark.parametrize(("proven_before", "waited_for"), [(600, 610), (-600, 10)])
async def test_what_was_held_before_a_restart_waits_on_once_held_again(
    tmp_path: Path, proven_before: int, waited_for: int
) -> None:
    clock, proven_at = ManualClock(NOW), DELIVERY.sighting.block.timestamp + 3600
    recalled = settling(30, proven_at + proven_before, upcoming=5)
    async with bench(tmp_path, clock=clock, recalled=recalled) as made:
        made.destination.answers.status = None
        await until(lambda: made.rounds)
        await put(made.store, seen(DELIVERY))
        await made.settles(100, proven_at + 86_400, upcoming=5)
        await until(lambda: made.watch.held(BETA))
        clock.advance(9)
        assert (held := made.watch.held(BETA))
        assert held.waited_for == 9
        clock.advance(1)
        assert (held := made.watch.held(BETA))
        assert held.waited_for == waited_for


async def test_a_final_block_that_was_replaced_settles_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.settles(30, DELIVERY.sighting.block.timestamp + 7200, upcoming=5)
        await made.covers(40, 29, upcoming=5)
        await put(made.store, seen(DELIVERY))
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.says(PHANTOM_OPEN)


async def test_a_delivery_that_a_backfill_found_accuses_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(executed(info(CLAIMED), sighting(0))))
        await made.covers(30, 25, upcoming=5)
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()


async def test_an_origin_found_during_the_question_accuses_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY))
        made.origin.answers.find = lambda _: put(made.store, seen(xcalled(info(CLAIMED), sighting(41))))
        await made.covers(30, 25, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        await made.covers(40, 40, upcoming=5)
        await made.looks_twice_and_accuses_nobody()
        assert made.origin.answers.fetched


async def test_it_resolves_when_a_reorg_leaves_only_the_reconciliation(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY, reconciled(info(CLAIMED), sighting(19))))
        await made.covers(30, 25, upcoming=5)
        await made.covers(40, 40, upcoming=5)
        await made.says(PHANTOM_OPEN)
        await put(made.store, gone(DELIVERY))
        await made.says(("phantom_delivery", AlertState.RESOLVED, "reorged"))


async def test_it_resolves_when_the_origin_is_found(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.covers(40, 40, upcoming=5)
        await made.says(PHANTOM_OPEN)
        await put(made.store, seen(xcalled(info(CLAIMED), sighting(41))))
        await made.says(("phantom_delivery", AlertState.RESOLVED, "origin_found"))


async def test_it_resolves_when_a_reorg_takes_the_delivery(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.covers(40, 40, upcoming=5)
        await made.says(PHANTOM_OPEN)
        await put(made.store, gone(DELIVERY))
        await made.says(("phantom_delivery", AlertState.RESOLVED, "reorged"))


async def test_an_unconfirmed_delivery_is_held_against_its_own_chain(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.destination.answers.status = None
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.covers(40, 40, upcoming=5)
        await until(lambda: made.watch.held(BETA))
        held = made.watch.held(BETA)
        assert held is not None
        assert (held.legs, held.deliveries) == (0, 1)
        assert held.hindrance.words == "transferStatus is not answered: node.example refused eth_call"
        assert made.watch.held(ALPHA) is None
        made.destination.answers.status = TransferStatus.EXECUTED
        await made.says(PHANTOM_OPEN)
        await until(lambda: made.watch.held(BETA) is None)


async def test_a_delivery_is_held_against_an_origin_that_is_silent(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made:
        made.origin.answers.searched = False
        await put(made.store, seen(DELIVERY))
        await made.covers(30, 25, upcoming=5)
        await made.covers(40, 40, upcoming=5)
        await until(lambda: (held := made.watch.held(ALPHA)) and held.waited_for >= 1)
        assert made.watch.held(BETA) is None
        await put(made.store, gone(DELIVERY))
        await until(lambda: made.watch.held(ALPHA) is None)


async def test_a_stored_delivery_without_origin_wakes_the_watch(tmp_path: Path) -> None:
    async with bench(tmp_path, rest=3600) as made:
        await made.covers(30, 25, upcoming=5)
        await until(lambda: made.rounds)
        made.watch.committed((await put(made.store, seen(DELIVERY)))[0], [])
        await made.covers(40, 40, upcoming=5)
        await made.says(PHANTOM_OPEN)
        made.watch.committed((await put(made.store, seen(xcalled(info(CLAIMED), sighting(41)))))[0], [])
        await made.says(("phantom_delivery", AlertState.RESOLVED, "origin_found"))


async def test_where_the_nonces_begin_wakes_the_watch_once_it_is_known(tmp_path: Path) -> None:
    async with bench(tmp_path, first=None, rest=3600) as made:
        await put(made.store, seen(DELIVERY))
        await until(lambda: made.rounds)
        made.watch.committed(Changes(), [await made.covers(30, 25, upcoming=5, first=5)])
        await made.covers(40, 40, upcoming=5)
        await made.says(PHANTOM_OPEN)
