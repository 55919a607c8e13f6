"""Pruning: what is old and settled goes, with all that hangs on it; what it proved stays proven."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.batch import ChainProgress, UnreadableLog
from connext_monitor.core.coverage import Coverage, Nonces
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.phantom import PhantomVerdict, judge_delivery
from connext_monitor.core.queue import Topic
from connext_monitor.core.transfer import EventRecord
from connext_monitor.reporting.retention import Pruning
from connext_monitor.store.connection import Connection
from connext_monitor.store.schema import metadata
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.examples import examples
from tests.world.kinds import chain_unobserved, overdue_id
from tests.world.recording import NOW, accuse, commit, gone, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled

OLD, YOUNG, CHECKPOINT = 100, 500, 1000
BEFORE = sighting(YOUNG).block.timestamp


def progress(next_nonce: int, checkpoint: int = CHECKPOINT) -> list[ChainProgress]:
    reached = Coverage(BlockNumber(0), BlockNumber(checkpoint), sighting(CHECKPOINT + 10).block)
    return [ChainProgress(domain, reached, 0, next_nonce) for domain in (ALPHA, BETA)]


def whole(nonce: int, block: int | None = None) -> list[EventRecord]:
    """A completed transfer, each nonce in blocks of its own."""
    transfer, block = info(nonce), OLD + 5 * nonce if block is None else block
    return [
        xcalled(transfer, sighting(block)),
        executed(transfer, sighting(block + 1)),
        reconciled(transfer, sighting(block + 2)),
    ]


async def prune(store: Store, before: int = BEFORE) -> int:
    """All that can be pruned, in transactions of two."""
    old = store.retention
    count, last = 0, None
    while settled := await old.settled(before, last, 2):
        count, last = count + await old.prune(settled, before), settled[-1]
    for rest in (old.prune_alerts, old.prune_malformed, old.prune_groups, old.prune_reports):
        while await rest(before, 2):
            pass
    return count


async def kept(store: Store) -> dict[str, int]:
    def count(connection: Connection) -> dict[str, int]:
        rows = {name: connection.run(f"SELECT count(*) FROM {name}").fetchone()[0] for name in metadata.tables}  # noqa: S608 - our own names
        return {name: number for name, number in rows.items() if number}

    return await store.database.read(count)


async def nonces_kept(store: Store) -> list[int]:
    transfers = [await store.transfers.by_id(xcalled(info(n), sighting(0)).event.transfer_id) for n in range(20)]
    return [n for n, transfer in enumerate(transfers) if transfer is not None]


async def test_what_is_completed_and_old_goes_with_all_that_hangs_on_it(store: Store) -> None:
    called = whole(0)[0]
    await put(store, seen(called), progress=progress(9))
    await accuse(store, called, "ops", "desk")
    # One is told alone, the other in a group.
    await store.outbox.form_group("desk", Topic(EXECUTE_OVERDUE, (ALPHA, BETA)), 0, NOW)
    await put(store, seen(*(record for n in range(9) for record in whole(n))), progress=progress(9), at=NOW)
    while (waiting := await store.outbox.next_delivery("ops")) is not None:
        await store.outbox.delivery_sent(waiting.id, "message", NOW)
    await store.outbox.note_ends("desk", NOW)
    digest = await store.outbox.digest(1)
    await store.alerts.open(chain_unobserved("alpha", NOW, silent_for=1, waiting=0, why="it is far"), [])
    # Its message may still change.
    assert await prune(store, int(NOW.timestamp()) + 9) == 7
    assert await nonces_kept(store) == [0, 8]
    await store.outbox.group_sent(digest, Change.RESOLVED, None, NOW)
    assert await prune(store, int(NOW.timestamp()) + 9) == 1
    # The last nonce is the neighbour of what comes next.
    assert await nonces_kept(store) == [8]
    left = await kept(store)
    assert {name: left.get(name) for name in ("transfers", "events", "alerts", "deliveries", "pruned")} == {
        "transfers": 1,
        "events": 3,
        "alerts": 1,
        "deliveries": None,
        "pruned": 8,
    }
    assert not {"group_members", "delivery_groups"} & left.keys()


async def test_what_is_pending_young_open_or_not_final_stays(store: Store) -> None:
    pending, young, high = info(1), whole(2, YOUNG + 1), whole(3)
    half_final = [high[0], executed(info(3), sighting(CHECKPOINT + 1, OLD + sighting(0).block.timestamp)), high[2]]
    await put(store, seen(*whole(0), xcalled(pending, sighting(OLD)), *young, *half_final), progress=progress(4))
    await put(store, seen(executed(pending, sighting(OLD))))
    await accuse(store, xcalled(info(0), sighting(OLD)), "ops")
    await put(store, seen(*whole(4), *whole(5), *whole(7)), progress=progress(8))
    # 0 has an open alert, 1 waits for a leg, 2 is young, 3 not final; 5 and 7 stand beside the hole.
    assert await prune(store) == 1
    assert await nonces_kept(store) == [0, 1, 2, 3, 5, 7]
    assert await store.chains.nonces(ALPHA) == Nonces(0, 6, 8, pruned=5)
    assert (await store.chains.nonce_hole(ALPHA)) is not None


async def test_the_last_execution_before_which_transfers_wait_stays(store: Store) -> None:
    waiting = xcalled(info(1), sighting(OLD))
    await put(store, seen(waiting, *whole(2), *whole(3), *whole(0, OLD + 100)), progress=progress(9))
    pathway = (ALPHA, BETA)
    before = await store.stalls.waits([pathway])
    assert await prune(store) == 1
    # Without the last one the transfer that waits would count as sent since.
    assert await store.stalls.waits([pathway]) == before
    assert await nonces_kept(store) == [0, 1, 3]
    await put(store, seen(executed(info(1), sighting(OLD + 1)), reconciled(info(1), sighting(OLD + 2))))
    assert await prune(store) == 2


async def test_without_proof_of_its_nonce_nothing_goes(store: Store) -> None:
    await put(store, seen(*(record for n in range(5) for record in whole(n))))
    assert await prune(store) == 0


async def test_what_was_pruned_does_not_come_back_and_leaves_no_hole(store: Store) -> None:
    await put(store, seen(*(record for n in range(6) for record in whole(n))), progress=progress(6))
    assert await prune(store) == 5
    before = await kept(store)
    for step in (seen(whole(0)[0]), seen(*whole(1)[1:]), seen(*whole(2)), gone(whole(3)[0])):
        changes, _ = await put(store, step, progress=progress(6))
        assert changes.effects == ()
    assert await kept(store) == before
    assert await store.chains.nonces(ALPHA) == Nonces(0, 6, 6, pruned=5)
    assert await store.chains.nonce_hole(ALPHA) is None
    # The watch goes on behind it, and what is new beside something pruned is recorded.
    await put(store, seen(whole(0)[0], *whole(6)), progress=progress(7))
    assert await store.chains.nonces(ALPHA) == Nonces(0, 7, 7, pruned=5)
    assert await nonces_kept(store) == [5, 6]


async def test_a_reorg_after_pruning_makes_no_pruned_nonce_missing(store: Store) -> None:
    waiting = xcalled(info(1), sighting(OLD + 7))
    await put(store, seen(*whole(0), waiting, *whole(2), *whole(3), *whole(4)), progress=progress(5))
    assert await prune(store) == 3
    await put(store, gone(waiting))
    nonces = await store.chains.nonces(ALPHA)
    assert nonces is not None
    assert (nonces.contiguous, nonces.complete) == (4, False)
    await put(store, progress=progress(5))
    assert await store.chains.nonces(ALPHA) == Nonces(0, 5, 5, pruned=4)


async def test_only_a_second_delivery_of_a_pruned_nonce_is_a_phantom(store: Store) -> None:
    await put(store, seen(*(record for n in range(6) for record in whole(n))), progress=progress(6))
    assert await prune(store) == 5
    # Another transfer, with a nonce that was given long ago.
    other = executed(replace(info(2), slippage=301), sighting(YOUNG))
    await put(store, seen(other, whole(2)[1]))
    suspects = await store.suspects.suspects(ALPHA)
    assert [(suspect.transfer_id, suspect.nonce, suspect.holder) for suspect in suspects] == [
        (other.event.transfer_id, 2, None)
    ]
    verdict = judge_delivery(2, await store.chains.nonces(ALPHA), None, BlockNumber(CHECKPOINT), settled=True)
    assert verdict is PhantomVerdict.HELD


async def test_old_alerts_about_chains_and_old_malformed_logs_go(store: Store) -> None:
    old, standing = (
        chain_unobserved(name, NOW, silent_for=1, waiting=0, why="it is far") for name in ("alpha", "beta")
    )
    await store.alerts.open(old, [])
    await store.alerts.resolve(ResolveAlert.of(old, Resolution.OBSERVED), NOW)
    await store.alerts.open(standing, [])
    lost = [UnreadableLog(ALPHA, bytes([n]), "it is no log") for n in range(5)]
    await commit(store, unreadable=lost)
    at = int(NOW.timestamp())
    await prune(store, at)
    assert ((await kept(store))["alerts"], (await kept(store))["malformed_logs"]) == (2, 5)
    await prune(store, at + 1)
    assert (await kept(store))["alerts"] == 1
    assert "malformed_logs" not in await kept(store)
    assert [alert.id for alert in await store.alerts.open_of_kinds([CHAIN_UNOBSERVED])] == [standing.id]


async def test_no_change_of_an_alert_takes_a_number_that_another_had(store: Store) -> None:
    gone_by = chain_unobserved("alpha", NOW, silent_for=1, waiting=0, why="it is far")
    await store.alerts.open(gone_by, [])
    await store.alerts.resolve(ResolveAlert.of(gone_by, Resolution.OBSERVED), NOW)
    newest = await store.alerts.newest()
    await prune(store, int(NOW.timestamp()) + 1)
    await store.alerts.open(replace(gone_by, id="another", subject="beta"), [])
    assert [alert.alert.id for alert in await store.alerts.changed(newest, limit=9)] == ["another"]


async def test_an_alert_that_opens_again_after_pruning_has_its_old_id(store: Store) -> None:
    called = whole(1)[0]
    await put(store, seen(called))
    first = await accuse(store, called)
    await put(store, gone(called))
    await store.alerts.open(chain_unobserved("alpha", NOW, silent_for=1, waiting=0, why="it is far"), [])
    await prune(store, int(NOW.timestamp()) + 9)
    assert await store.alerts.of_transfer(called.event.transfer_id) == []
    await put(store, seen(called))
    again = await accuse(store, called)
    assert first is not None
    assert again is not None
    assert first.id == again.id == overdue_id(called.event.transfer_id, Leg.EXECUTE)


@settings(examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_pruning_at_any_time_changes_nothing_that_is_told_later(new_store: NewStore, data: st.DataObject) -> None:
    """The same events, in any order, with pruning in between or not: the same nonces, holes and open transfers."""
    records = [record for n in range(6) for record in whole(n)]
    left = data.draw(st.sets(st.sampled_from(range(len(records))), max_size=4))
    order = data.draw(st.permutations([record for index, record in enumerate(records) if index not in left]))
    first, second = sorted(data.draw(st.tuples(*[st.sampled_from(range(len(order)))] * 2)))
    again = data.draw(st.lists(st.sampled_from(order), max_size=6))
    batches = [order[:first], order[first:second], order[second:], again]
    seen_later = []
    for pruning in (True, False):
        async with new_store() as store:
            for batch in batches:
                await put(store, seen(*batch), progress=progress(6))
                if pruning:
                    await prune(store)
            nonces, hole = await store.chains.nonces(ALPHA), await store.chains.nonce_hole(ALPHA)
            in_flight = [(count.status, count.count) for count in await store.transfers.count_by_status()]
            seen_later.append((nonces and (nonces.first, nonces.contiguous, nonces.next), hole, in_flight))
    assert seen_later[0] == seen_later[1]


async def test_the_monitor_prunes_by_itself(store: Store) -> None:
    await put(store, seen(*(record for n in range(50) for record in whole(n))), progress=progress(50))
    assert datetime.now(UTC).timestamp() - BEFORE > 86_400
    clock = SystemClock()
    pruner = Pruning(store.retention, timedelta(days=1), clock, lambda: clock.now().timestamp(), 0.0)
    pruning = asyncio.create_task(pruner.run())
    async with asyncio.timeout(60):
        while (await kept(store))["transfers"] > 1:  # noqa: ASYNC110 - a fact about the database, no event
            await asyncio.sleep(0.01)
    pruning.cancel()
    await asyncio.gather(pruning, return_exceptions=True)
    assert (await store.chains.nonces(ALPHA)) == Nonces(0, 50, 50, pruned=49)


@pytest.mark.parametrize("kept_for", [timedelta(days=1), timedelta(days=180)])
async def test_the_monitor_prunes_by_the_earlier_of_its_time_and_the_chains(store: Store, kept_for: timedelta) -> None:
    """Its clock says that all is old enough, and the chains do not: nothing goes, for it would not come back."""
    await put(store, seen(*(record for n in range(5) for record in whole(n))), progress=progress(5))
    asked: list[float | None] = []

    def earliest() -> float | None:
        asked.append(None if not asked else BEFORE + 60.0)
        return asked[-1]

    for rounds in (1, 2):
        pruner = Pruning(store.retention, kept_for, SystemClock(), earliest, 0.0)
        pruning = asyncio.create_task(pruner.run())
        async with asyncio.timeout(60):
            while len(asked) < rounds:  # noqa: ASYNC110 - a fact about the pruner, no event
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # what must not happen has no event
        pruning.cancel()
        await asyncio.gather(pruning, return_exceptions=True)
        assert (await kept(store))["transfers"] == 5
