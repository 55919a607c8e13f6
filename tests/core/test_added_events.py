"""An event that is added to its transfer's row makes of it what folding it from all of its events makes."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import DomainId, Hash32
from connext_monitor.core.recording import Changes, transfer_changes
from connext_monitor.core.transfer import EventRecord, ObservedChange, SeenRecord
from tests.world.drawn_events import drawn_records
from tests.world.examples import examples
from tests.world.ledger import Ledger
from tests.world.packed import packed_record
from tests.world.transfers import (
    durations,
    executed,
    info,
    reconciled,
    sighting,
    xcalled,
)

NOWHERE = ObservedChange(gone=frozenset({(DomainId(0), Hash32(bytes(32)))}))
"""A block that nothing stands in: where any is gone, every transfer is folded."""


STEPS = st.lists(
    st.tuples(drawn_records, st.sampled_from([True, True, True, False]), st.booleans()).map(
        lambda drawn: (
            ObservedChange(seen=(packed_record(drawn[0]) if drawn[2] else drawn[0],))
            if drawn[1]
            else ObservedChange(gone=frozenset({(drawn[0].domain, drawn[0].sighting.block.hash)}))
        )
    ),
    max_size=20,
)


def in_any_order(changes: Changes) -> Changes:
    """The changes; events that are new and gone are stored in no order, and packed or not."""

    def ordered(records: Sequence[SeenRecord]) -> tuple[EventRecord, ...]:
        return tuple(sorted([record.whole for record in records], key=lambda record: record.identity))

    return replace(changes, added=ordered(changes.added), removed=ordered(changes.removed))


@examples(100)
@given(STEPS, st.lists(st.integers(0, 20), max_size=8), st.booleans())
def test_in_any_batches_the_changes_are_those_of_folding(
    steps: list[ObservedChange], cuts: list[int], pruned: bool
) -> None:
    ledger = Ledger()
    for start, end in pairwise(sorted({0, len(steps), *(cut % (len(steps) + 1) for cut in cuts)})):
        batch = steps[start:end]
        prior = ledger.prior_state()
        if pruned:
            new = {record.event.transfer_id for step in batch for record in step.seen} - prior.transfers.keys()
            prior = replace(prior, pruned=frozenset(sorted(new)[:1]))
        in_short = transfer_changes(prior, batch, durations)
        assert in_any_order(in_short) == in_any_order(transfer_changes(prior, [*batch, NOWHERE], durations))
        ledger.apply(*batch)


def no_events(ids: Collection[bytes]) -> list[EventRecord]:
    raise AssertionError(f"{len(ids)} transfers were folded")


@pytest.mark.parametrize("first", range(3))
def test_a_first_event_of_each_kind_needs_no_other(first: int) -> None:
    params = info()
    events = [xcalled(params, sighting(1)), executed(params, sighting(2)), reconciled(params, sighting(3))]
    ledger = Ledger()
    for event in (*events[first:], *events[:first]):
        step = ObservedChange(seen=(event,))
        transfer_changes(replace(ledger.prior_state(), events=no_events), [step], durations)
        ledger.apply(step)
    assert [transfer.status for transfer, _ in ledger.transfers.values()] == ["CompletedFast"]
