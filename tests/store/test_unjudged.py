"""The legs that are past due and about which nobody has been told."""

from datetime import datetime, timedelta

import pytest

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import Executed, Timestamp
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.transfer import EventRecord
from connext_monitor.core.unjudged import Marks, UnjudgedCount
from connext_monitor.store.nouns import UnjudgedLegs
from connext_monitor.store.store import Store
from tests.world.kinds import delivery_mismatch, overdue
from tests.world.recording import NOW, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

START = xcalled(info(), sighting(10)).sighting.block.timestamp
DUE = Timestamp(START + 300)
RECONCILE_DUE = Timestamp(START + 10_800)
LATELY = (NOW - timedelta(seconds=60), NOW)


@pytest.fixture
def legs(store: Store) -> UnjudgedLegs:
    return store.unjudged


def sent(nonce: int, block: int = 10) -> EventRecord:
    return xcalled(info(nonce), sighting(block))


async def counted(legs: UnjudgedLegs, now: int, *, aged: int = 0, ripe: int = 0) -> UnjudgedCount | None:
    """Those due on beta."""
    marks = {ALPHA: Marks(2**40, 2**40, 2**40), BETA: Marks(now, aged, ripe)}
    counts = await legs.count(marks, LATELY)
    assert ALPHA not in counts
    return counts.get(BETA)


async def accuse(store: Store, record: EventRecord, *, resolved_at: datetime | None = None) -> None:
    alert = overdue(record.event.transfer_id, Leg.EXECUTE, DUE, NOW, (ALPHA, BETA))
    await store.alerts.open(alert, [])
    if resolved_at is not None:
        await store.alerts.resolve(ResolveAlert.of(alert, Resolution.EXECUTED), resolved_at)


async def test_those_due_before_each_mark_are_counted_by_destination(store: Store, legs: UnjudgedLegs) -> None:
    await put(store, seen(sent(1, 10), sent(2, 11), sent(3, 12)))
    step = sighting(11).block.timestamp - START
    assert await counted(legs, DUE) is None
    now, aged = DUE + 2 * step + 1, DUE + step + 1
    assert await counted(legs, now, aged=aged, ripe=DUE + 1) == UnjudgedCount(3, 2, 1, DUE)
    assert await counted(legs, RECONCILE_DUE + 1) == UnjudgedCount(4, 0, 0, DUE)


async def test_arrived_legs_and_other_chains_do_not_count(store: Store, legs: UnjudgedLegs) -> None:
    await put(store, seen(sent(1), executed(info(1), sighting(20))))
    assert await counted(legs, DUE + 1) is None
    await put(store, seen(sent(2)))
    assert await legs.count({ALPHA: Marks(2**40, 0, 0)}, LATELY) == {}
    assert await legs.count({}, LATELY) == {}


async def test_alerted_legs_do_not_count_as_unjudged(store: Store, legs: UnjudgedLegs) -> None:
    late, false = sent(1), executed(info(2), sighting(20))
    await put(store, seen(late, sent(2)))
    await accuse(store, late)
    assert await counted(legs, DUE + 1) == UnjudgedCount(1, 0, 0, DUE)
    assert isinstance(false.event, Executed)
    mismatch = delivery_mismatch(BETA, false.event, false.sighting, next(iter(Mismatch)), NOW)
    await store.alerts.open(mismatch, [])
    assert await counted(legs, DUE + 1) is None
    # Its reconciliation is another leg, and nobody has been told of that.
    assert await counted(legs, RECONCILE_DUE + 1) == UnjudgedCount(1, 0, 0, RECONCILE_DUE)


@pytest.mark.parametrize(
    ("ago", "counts"), [(timedelta(seconds=59), False), (timedelta(seconds=61), True), (timedelta(seconds=-5), True)]
)
async def test_a_leg_whose_alert_has_just_ended_is_left_alone(
    store: Store, legs: UnjudgedLegs, ago: timedelta, counts: bool
) -> None:
    await put(store, seen(sent(1)))
    await accuse(store, sent(1), resolved_at=NOW - ago)
    assert (await counted(legs, DUE + 1) is not None) is counts


async def test_a_destinations_first_legs_are_handed_out_to_be_judged(store: Store, legs: UnjudgedLegs) -> None:
    await put(store, seen(sent(1, 12), sent(2, 10)))
    first = sent(2).event.transfer_id
    assert await legs.first(BETA, DUE + 1, LATELY, limit=9) == [Awaited(first, Leg.EXECUTE, DUE, BETA)]
    assert len(await legs.first(BETA, 2**40, LATELY, limit=1)) == 2
    assert await legs.first(ALPHA, 2**40, LATELY, limit=9) == []
