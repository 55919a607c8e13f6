from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from connext_monitor.core.deadline import (
    ArmDeadline,
    Awaited,
    CancelDeadline,
    DueDates,
    Durations,
    Effect,
    Leg,
    Resolution,
    ResolveOverdue,
)
from connext_monitor.core.events import Timestamp
from connext_monitor.core.recording import Known, gone_blocks, record
from connext_monitor.core.transfer import EventRecord, Status, Step
from tests.core.histories import Ledger, event_records, retellings, split, steps
from tests.core.made_up import DESTINATION, DURATIONS, ELSEWHERE, ORIGIN, Sample, block, durations

SAMPLE = Sample(nonce=3)
XCALLED = SAMPLE.xcalled(block(10))
EXECUTED = SAMPLE.executed(block(11))
RECONCILED = SAMPLE.reconciled(block(12))
STARTED = XCALLED.sighting.block.timestamp
DUE = DueDates(Timestamp(STARTED + DURATIONS.execute), Timestamp(STARTED + DURATIONS.reconcile))

# A few dozen lists of small steps find every mistake made on purpose here; more only takes longer.
SOME = settings(max_examples=80, deadline=None)


def gone(*records: EventRecord) -> Step:
    return Step(gone=frozenset((r.domain, r.sighting.block.hash) for r in records))


def arm(leg: Leg, due: DueDates = DUE) -> ArmDeadline:
    return ArmDeadline(Awaited(SAMPLE.id, leg, due.of(leg), DESTINATION))


def cancel(leg: Leg) -> CancelDeadline:
    return CancelDeadline(SAMPLE.id, leg)


def resolve(leg: Leg, resolution: Resolution) -> ResolveOverdue:
    return ResolveOverdue(SAMPLE.id, leg, resolution)


def after(*batches: list[Step]) -> Ledger:
    return Ledger().apply_all(list(batches))


def effects_of(before: list[Step], *batch: Step) -> tuple[Effect, ...]:
    return after(before).apply(batch).effects


def test_xcalled_arms_both_legs() -> None:
    assert effects_of([], Step((XCALLED,))) == (arm(Leg.EXECUTE), arm(Leg.RECONCILE))


def test_leg_that_arrives_is_cancelled_and_its_alert_ends_as_that() -> None:
    assert effects_of([Step((XCALLED,))], Step((EXECUTED,))) == (
        cancel(Leg.EXECUTE),
        resolve(Leg.EXECUTE, Resolution.EXECUTED),
    )
    assert effects_of([Step((XCALLED,))], Step((RECONCILED,))) == (
        cancel(Leg.RECONCILE),
        resolve(Leg.RECONCILE, Resolution.RECONCILED),
    )


def test_leg_seen_before_its_origin_arms_nothing_and_is_not_awaited_afterwards() -> None:
    assert effects_of([], Step((EXECUTED,))) == ()
    assert effects_of([Step((EXECUTED,))], Step((XCALLED,))) == (arm(Leg.RECONCILE),)


def test_xcalled_seen_together_with_its_legs_arms_nothing() -> None:
    assert effects_of([], Step((EXECUTED, XCALLED, RECONCILED))) == ()


def test_event_seen_again_changes_nothing() -> None:
    changes = after([Step((XCALLED,))]).apply([Step((XCALLED,))])
    assert (changes.added, changes.removed, changes.transfers, changes.effects) == ((), (), (), ())


def test_transfer_to_a_chain_that_nobody_watches_has_no_deadlines() -> None:
    sample = Sample(destination=ELSEWHERE)
    changes = Ledger().apply([Step((sample.xcalled(block(1)),))])
    assert [due for _, due in changes.transfers] == [None]
    assert changes.effects == ()


def test_xcalled_taken_back_cancels_its_deadlines_and_ends_their_alerts_as_reorged() -> None:
    changes = after([Step((XCALLED,))]).apply([gone(XCALLED)])
    assert changes.vanished == (SAMPLE.id,)
    assert changes.removed == (XCALLED,)
    assert changes.effects == (
        cancel(Leg.EXECUTE),
        resolve(Leg.EXECUTE, Resolution.REORGED),
        cancel(Leg.RECONCILE),
        resolve(Leg.RECONCILE, Resolution.REORGED),
    )


def test_xcalled_taken_back_leaves_its_legs_as_a_transfer_of_unknown_origin() -> None:
    ledger = after([Step((XCALLED, EXECUTED))], [gone(XCALLED)])
    assert ledger.transfers[SAMPLE.id].status is Status.UNKNOWN
    assert ledger.due == {}


def test_leg_taken_back_arms_its_deadline_again() -> None:
    assert effects_of([Step((XCALLED, EXECUTED))], gone(EXECUTED)) == (arm(Leg.EXECUTE),)


def test_leg_moved_to_another_block_in_one_batch_stays_arrived() -> None:
    moved = SAMPLE.executed(block(13, fork=1))
    ledger = after([Step((XCALLED, EXECUTED))])
    changes = ledger.apply([gone(EXECUTED), Step((moved,))])
    assert changes.effects == ()
    assert ledger.transfers[SAMPLE.id].executed == moved.sighting


def test_xcalled_moved_to_a_later_block_in_one_batch_moves_its_deadlines_and_takes_back_what_they_accused() -> None:
    moved = SAMPLE.xcalled(block(15, fork=1))
    later = moved.sighting.block.timestamp - STARTED
    due = DueDates(Timestamp(DUE.execute + later), Timestamp(DUE.reconcile + later))
    assert effects_of([Step((XCALLED,))], gone(XCALLED), Step((moved,))) == (
        arm(Leg.EXECUTE, due),
        resolve(Leg.EXECUTE, Resolution.REORGED),
        arm(Leg.RECONCILE, due),
        resolve(Leg.RECONCILE, Resolution.REORGED),
    )


def test_xcalled_moved_to_an_earlier_block_leaves_its_alerts_which_stay_true() -> None:
    moved = SAMPLE.xcalled(block(9, fork=1))
    effects = effects_of([Step((XCALLED,))], gone(XCALLED), Step((moved,)))
    assert [type(effect) for effect in effects] == [ArmDeadline, ArmDeadline]


def test_xcalled_moved_to_a_block_of_the_same_time_in_one_batch_changes_no_deadline() -> None:
    moved = SAMPLE.xcalled(block(10, fork=1, at=STARTED))
    changes = after([Step((XCALLED,))]).apply([gone(XCALLED), Step((moved,))])
    assert changes.effects == ()
    assert [transfer.xcalled for transfer, _ in changes.transfers] == [moved.sighting]


def test_seen_then_gone_in_one_batch_is_gone() -> None:
    ledger = after([Step((XCALLED,)), gone(XCALLED)])
    assert (ledger.transfers, ledger.records, ledger.armed) == ({}, {}, {})


def test_gone_then_seen_in_one_batch_stands() -> None:
    ledger = after([Step((XCALLED,))], [gone(XCALLED), Step((XCALLED,))])
    assert ledger.transfers[SAMPLE.id].status is Status.XCALLED
    assert ledger.armed == ledger.awaited()


def test_deadlines_stay_as_promised_while_xcalled_stands_whatever_the_config_says_later() -> None:
    def stricter(_origin: int, _destination: int) -> Durations:
        return Durations(1, 2)

    known = Known([XCALLED], {SAMPLE.id: DUE})
    changes = record(known, [Step((EXECUTED,))], stricter)
    assert [due for _, due in changes.transfers] == [DUE]


def test_alert_ends_as_reorged_even_where_its_destination_is_no_longer_watched() -> None:
    changes = record(Known([XCALLED]), [gone(XCALLED)], lambda _origin, _destination: None)
    assert set(changes.effects) == {
        resolve(Leg.EXECUTE, Resolution.REORGED),
        resolve(Leg.RECONCILE, Resolution.REORGED),
    }


def test_blocks_gone_are_those_of_every_step() -> None:
    assert gone_blocks([gone(XCALLED), Step((RECONCILED,)), gone(EXECUTED)]) == {
        (ORIGIN, block(10).hash),
        (DESTINATION, block(11).hash),
    }


@given(st.data())
@SOME
def test_any_order_repetition_and_split_of_the_same_events_gives_the_same_records(data: st.DataObject) -> None:
    told = data.draw(st.lists(event_records(), max_size=10))
    once = after([Step(tuple(told))])
    ledger = after(*data.draw(retellings(told)))
    assert ledger.records == once.records
    assert ledger.transfers == once.transfers
    assert ledger.due == once.due
    assert ledger.armed == once.armed


@given(st.data())
@SOME
def test_same_alerts_end_whatever_the_order_and_split_of_what_arrives_later(data: st.DataObject) -> None:
    known = data.draw(st.lists(event_records(), max_size=5))
    # At most one place of each origin, so that no deadline moves when another place is told of.
    news = [r for r in data.draw(st.lists(event_records(), max_size=8)) if r.kind != "xcalled"]

    def alerts_after(batches: list[list[Step]]) -> object:
        ledger = after([Step(tuple(known))])
        ledger.accuse_all()
        return ledger.apply_all(batches).accused

    assert alerts_after(data.draw(retellings(news))) == alerts_after([[Step(tuple(news))]])


@given(st.data())
@SOME
def test_any_split_of_a_history_with_reorgs_gives_the_same_records(data: st.DataObject) -> None:
    whole = data.draw(st.lists(steps(), max_size=8))
    once = after(whole)
    ledger = after(*data.draw(split(whole)))
    assert ledger.records == once.records
    assert ledger.transfers == once.transfers
    assert ledger.due == once.due


@given(st.lists(st.lists(steps(), max_size=3), max_size=6))
@SOME
def test_what_is_armed_is_always_exactly_what_is_awaited(history: list[list[Step]]) -> None:
    ledger = Ledger()
    for batch in history:
        ledger.apply(batch)
        assert ledger.armed == ledger.awaited()


@given(st.lists(st.lists(steps(), max_size=3), max_size=6))
@SOME
def test_open_alert_is_always_one_of_an_awaited_leg_and_never_from_before_its_deadline(
    history: list[list[Step]],
) -> None:
    ledger = Ledger()
    for batch in history:
        ledger.accuse_all()
        ledger.apply(batch)
        assert all(ledger.awaited()[key] <= established for key, established in ledger.accused.items())


@given(st.lists(steps(), max_size=8))
@SOME
def test_changes_are_told_once_and_only_of_what_changed(batch: list[Step]) -> None:
    ledger = Ledger()
    ledger.apply(batch[:4])
    before = dict(ledger.transfers)
    changes = ledger.apply(batch[4:])
    assert all(before.get(transfer.transfer_id) != transfer for transfer, _ in changes.transfers)
    assert len({transfer.transfer_id for transfer, _ in changes.transfers}) == len(changes.transfers)
    assert set(changes.vanished) <= before.keys()


def test_pathway_durations_are_asked_for_the_transfer_s_own_pathway() -> None:
    asked: list[tuple[int, int]] = []

    def note(origin: int, destination: int) -> Durations:
        asked.append((origin, destination))
        return DURATIONS

    pathway: Callable[[int, int], Durations] = note
    record(Known(), [Step((XCALLED,))], pathway)
    assert asked == [(ORIGIN, DESTINATION)]
    assert durations(ORIGIN, DESTINATION) == DURATIONS
