"""What a batch changes: the same for the same events, however they come (promise 4)."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import ArmDeadline, CancelDeadline, DueDates, Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes, transfer_changes
from connext_monitor.core.transfer import EventRecord, ObservedChange, fold
from connext_monitor.core.transfer_summary import summary
from tests.world.ledger import Ledger
from tests.world.transfers import ALPHA, BETA, DURATIONS, GAMMA, executed, info, reconciled, sighting, xcalled

INFO = info()
XCALLED = xcalled(INFO, sighting(10))
EXECUTED = executed(INFO, sighting(20))
RECONCILED = reconciled(INFO, sighting(30))
ID = XCALLED.event.transfer_id
STARTED = XCALLED.sighting.block.timestamp


def seen(*records: EventRecord) -> ObservedChange:
    return ObservedChange(seen=records)


def gone(lost: EventRecord) -> ObservedChange:
    return ObservedChange(gone=frozenset({(lost.domain, lost.sighting.block.hash)}))


def stored_with(due: DueDates | None) -> PriorState:
    """The transfer with its XCalled alone, and these deadlines."""
    transfer = fold([XCALLED])
    assert transfer is not None
    return PriorState({ID: summary(transfer, due)}, lambda _: [XCALLED])


def nobody_watches(_origin: DomainId, _destination: DomainId) -> None:
    """No destination is configured."""


def test_an_xcalled_arms_both_deadlines() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    assert {key[1]: awaited.due_at - STARTED for key, awaited in ledger.armed.items()} == {
        Leg.EXECUTE: DURATIONS.execute,
        Leg.RECONCILE: DURATIONS.reconcile,
    }


def test_a_leg_that_arrives_cancels_its_deadline_and_resolves_its_alert() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    changes = ledger.apply(seen(EXECUTED))
    assert changes.effects == (
        CancelDeadline(ID, Leg.EXECUTE),
        ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], ID, Resolution.EXECUTED),
    )


def test_an_xcalled_taken_back_cancels_all_and_resolves_as_reorged() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    changes = ledger.apply(gone(XCALLED))
    assert ledger.armed == {}
    assert ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], ID, Resolution.REORGED) in changes.effects
    assert changes.vanished == (ID,)


def test_a_leg_taken_back_arms_its_deadline_again() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    before = dict(ledger.armed)
    ledger.apply(seen(EXECUTED))
    ledger.apply(gone(EXECUTED))
    assert ledger.armed == before


def test_an_executed_that_moves_to_another_block_stays_one_event() -> None:
    ledger = Ledger()
    moved = executed(INFO, sighting(21))
    ledger.apply(seen(XCALLED, EXECUTED))
    ledger.apply(seen(moved), gone(EXECUTED))
    assert ledger.transfers[ID][0].executed == moved.sighting
    assert list(ledger.armed) == [(ID, Leg.RECONCILE)]


def test_an_xcalled_moved_later_moves_its_deadlines_and_withdraws_alerts() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    changes = ledger.apply(gone(XCALLED), seen(xcalled(INFO, sighting(12))))
    assert [awaited.due_at - STARTED for awaited in ledger.armed.values()] == [
        DURATIONS.execute + 2,
        DURATIONS.reconcile + 2,
    ]
    assert [effect for effect in changes.effects if isinstance(effect, ResolveAlert)] == [
        ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], ID, Resolution.REORGED),
        ResolveAlert.of_transfer(OVERDUE[Leg.RECONCILE], ID, Resolution.REORGED),
    ]


def test_an_xcalled_moved_earlier_leaves_its_alerts_open() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    changes = ledger.apply(gone(XCALLED), seen(xcalled(INFO, sighting(9))))
    assert [type(effect) for effect in changes.effects] == [ArmDeadline, ArmDeadline]


def test_an_xcalled_moved_to_a_block_of_the_same_time_changes_nothing() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED))
    changes = ledger.apply(gone(XCALLED), seen(xcalled(INFO, sighting(11, STARTED))))
    assert changes.effects == ()


def test_an_alert_ends_as_reorged_though_its_destination_is_unwatched() -> None:
    changes = transfer_changes(stored_with(None), [gone(XCALLED)], nobody_watches)
    assert changes.effects == (
        ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], ID, Resolution.REORGED),
        ResolveAlert.of_transfer(OVERDUE[Leg.RECONCILE], ID, Resolution.REORGED),
    )


def test_an_xcalled_moved_while_its_destination_is_unwatched_withdraws_all() -> None:
    due = DueDates(Timestamp(STARTED + 1), Timestamp(STARTED + 2))
    changes = transfer_changes(stored_with(due), [gone(XCALLED), seen(xcalled(INFO, sighting(12)))], nobody_watches)
    assert changes.effects == (
        CancelDeadline(ID, Leg.EXECUTE),
        ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], ID, Resolution.REORGED),
        CancelDeadline(ID, Leg.RECONCILE),
        ResolveAlert.of_transfer(OVERDUE[Leg.RECONCILE], ID, Resolution.REORGED),
    )


def test_a_leg_that_nobody_was_known_to_be_owed_ends_nothing() -> None:
    ledger = Ledger()
    ledger.apply(seen(EXECUTED))
    assert ledger.apply(seen(RECONCILED)).effects == ()


def test_with_its_xcalled_a_leg_that_had_arrived_ends_nothing() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED, EXECUTED))
    assert ledger.apply(gone(XCALLED)).effects == (
        CancelDeadline(ID, Leg.RECONCILE),
        ResolveAlert.of_transfer(OVERDUE[Leg.RECONCILE], ID, Resolution.REORGED),
    )


def test_what_is_seen_and_gone_in_one_batch_was_never_there() -> None:
    assert Ledger().apply(seen(XCALLED), gone(XCALLED)) == Changes()


def test_a_transfer_to_a_chain_that_is_not_watched_has_no_deadline() -> None:
    ledger = Ledger()
    ledger.apply(seen(xcalled(info(destination=GAMMA), sighting(10))))
    assert ledger.armed == {}
    assert [due for _, due in ledger.transfers.values()] == [None]


def test_an_executed_that_came_first_is_not_awaited() -> None:
    ledger = Ledger()
    ledger.apply(seen(EXECUTED))
    ledger.apply(seen(XCALLED))
    assert list(ledger.armed) == [(ID, Leg.RECONCILE)]


def test_nothing_new_changes_nothing() -> None:
    ledger = Ledger()
    ledger.apply(seen(XCALLED, EXECUTED))
    assert ledger.apply(seen(EXECUTED, XCALLED)) == Changes()


def test_a_deadline_once_given_is_kept_when_the_config_changes() -> None:
    kept = DueDates(Timestamp(STARTED + 1), Timestamp(STARTED + 2))
    changes = transfer_changes(stored_with(kept), [seen(EXECUTED)], nobody_watches)
    assert [transfer.due for transfer in changes.transfers] == [kept]


INFOS = [info(nonce, *pathway) for nonce in range(2) for pathway in ((ALPHA, BETA), (BETA, ALPHA), (ALPHA, GAMMA))]
PLACES = st.builds(sighting, st.integers(1, 4), fork=st.sampled_from(["", "a"]))
RECORDS = st.one_of(
    st.builds(xcalled, st.sampled_from(INFOS), PLACES),
    st.builds(executed, st.sampled_from(INFOS), PLACES),
    st.builds(reconciled, st.sampled_from(INFOS), PLACES),
)


def batches(records: Sequence[EventRecord], cuts: Sequence[int]) -> list[ObservedChange]:
    """The records in their order, cut into steps at these places."""
    at = sorted({0, len(records), *(cut % (len(records) + 1) for cut in cuts)})
    return [ObservedChange(seen=tuple(records[a:b])) for a, b in pairwise(at)]


@given(st.lists(RECORDS, min_size=1, max_size=12, unique_by=lambda r: r.identity), st.data())
def test_any_order_any_repetition_and_any_batches_give_the_same_records(
    records: list[EventRecord], data: st.DataObject
) -> None:
    at_once, piecemeal = Ledger(), Ledger()
    at_once.apply(seen(*records))
    shuffled = data.draw(st.permutations(records + data.draw(st.lists(st.sampled_from(records), max_size=4))))
    for step in batches(shuffled, data.draw(st.lists(st.integers(0, 20)))):
        piecemeal.apply(step)
    assert piecemeal.transfers == at_once.transfers
    assert piecemeal.armed == at_once.armed


@given(st.lists(st.tuples(RECORDS, st.booleans()), max_size=25))
def test_after_any_history_exactly_the_awaited_legs_are_armed(history: list[tuple[EventRecord, bool]]) -> None:
    ledger = Ledger()
    for event, stays in history:
        ledger.apply(seen(event) if stays else gone(event))
        assert {key: deadline.due_at for key, deadline in ledger.armed.items()} == ledger.awaited()


@given(st.lists(st.tuples(RECORDS, st.booleans()), max_size=25))
def test_what_is_left_after_any_history_is_what_stands(history: list[tuple[EventRecord, bool]]) -> None:
    ledger = Ledger()
    standing: dict[object, EventRecord] = {}
    for event, stays in history:
        ledger.apply(seen(event) if stays else gone(event))
        if stays:
            standing.setdefault(event.identity, event)
        else:
            block = (event.domain, event.sighting.block.hash)
            standing = {k: r for k, r in standing.items() if (r.domain, r.sighting.block.hash) != block}
    fresh = Ledger()
    fresh.apply(seen(*standing.values()))
    assert {key: transfer for key, (transfer, _) in ledger.transfers.items()} == {
        key: transfer for key, (transfer, _) in fresh.transfers.items()
    }


@given(st.lists(st.tuples(RECORDS, st.booleans()), max_size=25), st.lists(st.integers(0, 25)))
def test_a_history_in_any_batches_gives_the_same_records(
    history: list[tuple[EventRecord, bool]], cuts: list[int]
) -> None:
    at_once, piecemeal = Ledger(), Ledger()
    steps = [seen(event) if stays else gone(event) for event, stays in history]
    at_once.apply(*steps)
    for a, b in pairwise(sorted({0, len(steps), *(cut % (len(steps) + 1) for cut in cuts)})):
        piecemeal.apply(*steps[a:b])
    assert piecemeal.records == at_once.records
    assert piecemeal.transfers == at_once.transfers


@given(st.lists(st.lists(st.tuples(RECORDS, st.booleans()), max_size=4), max_size=8))
def test_open_alerts_are_of_awaited_legs_past_their_deadlines(
    history: list[list[tuple[EventRecord, bool]]],
) -> None:
    ledger = Ledger()
    for batch in history:
        ledger.accuse_all()
        ledger.apply(*(seen(event) if stays else gone(event) for event, stays in batch))
        awaited = ledger.awaited()
        assert all(awaited[key] <= established for key, established in ledger.accused.items())
