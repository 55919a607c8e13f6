"""Causes in the store: kept with their alert, and what routers have done on a pathway."""

from pathlib import Path

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.cause import Cause, CauseKind, RouterBids
from connext_monitor.core.deadline import Leg, TransferWithDeadlines
from connext_monitor.store.cause_text import read_causes, written
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.kinds import overdue
from tests.world.recording import NAMES, NOW, accuse, put, seen
from tests.world.transfers import ALPHA, BETA, GAMMA, executed, info, reconciled, sighting, xcalled

CAUSES = (Cause(CauseKind.PAUSED, {"domain": BETA}), Cause(CauseKind.FEE_INCREASED, {"times": 2}, past=True))
BEGAN = sighting(0).block.timestamp
CALLED = xcalled(info(1), sighting(10))


async def causes_of(store: Store) -> tuple[Cause, ...]:
    ((row, _),) = await store.alerts.listed(None, limit=2)
    return row.alert.causes


def test_causes_read_back_as_written() -> None:
    assert read_causes(written(CAUSES)) == CAUSES


async def test_an_alert_keeps_its_causes_over_a_restart(file: Path) -> None:
    store = await open_store(file, NAMES)
    await put(store, seen(CALLED))
    transfer_id = CALLED.event.transfer_id

    def decide(_watched: TransferWithDeadlines | None) -> Alert | None:
        return overdue(transfer_id, Leg.EXECUTE, 1, NOW, causes=CAUSES)

    await store.alerts.open_decided([(transfer_id, decide)], lambda _alert: ["ops"])
    await store.close()
    again = await open_store(file, NAMES)
    assert await causes_of(again) == CAUSES
    delivery = await again.outbox.next_delivery("ops")
    assert delivery is not None
    assert delivery.alert.causes == CAUSES
    await again.close()


async def test_what_is_found_later_is_kept_and_tells_nobody(store: Store) -> None:
    await put(store, seen(CALLED))
    alert = await accuse(store, CALLED, "ops")
    assert alert is not None
    delivery = await store.outbox.next_delivery("ops")
    assert delivery is not None
    await store.outbox.delivery_sent(delivery.id, "1", NOW)
    kept = store.causes
    assert await kept.change(alert.id, lambda known: (*known, *CAUSES))
    assert not await kept.change(alert.id, lambda known: known)
    assert not await kept.change("no such alert", lambda known: (*known, *CAUSES))
    assert await causes_of(store) == CAUSES
    assert await store.outbox.next_delivery("ops") is None


async def bids(store: Store, since: int = BEGAN) -> tuple[int, int]:
    bids_made = await store.causes.bids((ALPHA, BETA), since, 3600)
    assert bids_made.lately == 3600
    return bids_made.without, bids_made.by_routers


async def test_without_a_router_are_the_slow_and_those_that_were_accused(store: Store) -> None:
    slow, waiting = info(2), xcalled(info(3), sighting(11))
    await put(
        store,
        seen(xcalled(slow, sighting(9)), executed(slow, sighting(12), routers=()), reconciled(slow, sighting(11))),
    )
    await put(store, seen(CALLED, waiting))
    assert await bids(store) == (1, 0)
    await accuse(store, CALLED, "ops")
    await accuse(store, waiting, "ops", leg=Leg.RECONCILE)
    assert await bids(store) == (2, 0)


async def test_a_router_may_have_executed_what_has_no_path_yet(store: Store) -> None:
    await put(
        store,
        seen(xcalled(info(2), sighting(9)), executed(info(2), sighting(12))),
        seen(executed(info(3), sighting(13))),
    )
    assert await bids(store) == (0, 2)


async def test_other_pathways_and_other_times_are_not_counted(store: Store) -> None:
    other = info(4, destination=GAMMA)
    await put(store, seen(xcalled(other, sighting(9)), executed(other, sighting(10))))
    await put(store, seen(xcalled(info(2), sighting(9)), executed(info(2), sighting(12))))
    assert await bids(store, BEGAN + 10) == (0, 0)
    assert await store.causes.bids((BETA, ALPHA), 0, 1) == RouterBids(1, 0, 0)
