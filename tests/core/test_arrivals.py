"""Each leg is counted once, with its time, whatever the order in which the events come."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.arrivals import Arrival, arrivals
from connext_monitor.core.deadline import Leg
from connext_monitor.core.transfer import EventRecord, ObservedChange
from tests.world.ledger import Ledger
from tests.world.transfers import ALPHA, BETA, DURATIONS, GAMMA, executed, info, reconciled, sighting, xcalled

START = 1_700_000_000


def transfer(nonce: int, execute_after: int, reconcile_after: int) -> list[EventRecord]:
    params = info(nonce)
    return [
        xcalled(params, sighting(10, START)),
        executed(params, sighting(20, START + execute_after)),
        reconciled(params, sighting(30, START + reconcile_after)),
    ]


def counted(*batches: list[EventRecord]) -> list[Arrival]:
    ledger = Ledger()
    return [arrival for batch in batches for arrival in arrivals(ledger.apply(ObservedChange(seen=tuple(batch))))]


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 20_000)), min_size=1, max_size=4),
    st.data(),
)
def test_every_leg_is_counted_once_whatever_the_order_and_the_batches(
    times: list[tuple[int, int]], data: st.DataObject
) -> None:
    events = [event for nonce, after in enumerate(times) for event in transfer(nonce, *after)]
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(shuffled)))
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=3))
    counts = counted(shuffled[:cut], repeated, shuffled[cut:], repeated)
    assert sorted((arrival.leg, arrival.seconds, arrival.in_time) for arrival in counts) == sorted(
        (leg, seconds, seconds <= DURATIONS.of(leg))
        for after in times
        for leg, seconds in zip((Leg.EXECUTE, Leg.RECONCILE), after, strict=True)
    )


def test_a_leg_is_in_time_until_its_deadline_and_late_after() -> None:
    called, on_time, late = transfer(1, DURATIONS.execute, DURATIONS.reconcile + 1)
    assert [arrival.in_time for arrival in counted([called], [on_time], [late])] == [True, False]


def test_a_leg_whose_clock_is_before_its_origins_took_no_time() -> None:
    called, early, _ = transfer(1, -3, 0)
    assert [arrival.seconds for arrival in counted([called], [early])] == [0]


def test_a_leg_without_a_deadline_is_neither_met_nor_late() -> None:
    params = info(1, origin=ALPHA, destination=GAMMA)
    counts = counted([xcalled(params, sighting(10, START))], [executed(params, sighting(20, START + 60))])
    assert counts == [Arrival(ALPHA, GAMMA, Leg.EXECUTE, 60, None)]


def test_what_has_no_origin_yet_is_not_counted() -> None:
    _, delivered, settled = transfer(1, 60, 3600)
    assert counted([delivered, settled]) == []


def test_one_that_a_reorg_moves_is_counted_once_more() -> None:
    called, delivered, _ = transfer(1, 60, 3600)
    again = executed(info(1), sighting(21, START + 62, fork="b"))
    ledger = Ledger()
    ledger.apply(ObservedChange(seen=(called, delivered)))
    gone = frozenset({(BETA, delivered.sighting.block.hash)})
    assert [arrival.seconds for arrival in arrivals(ledger.apply(ObservedChange(seen=(again,), gone=gone)))] == [62]
