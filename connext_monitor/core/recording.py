"""What a batch of observations changes: from the prior state to the new one, and what follows from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.batch import Batch
from connext_monitor.core.chain_effects import (
    NameOfChain,
    ended_by_reading,
    ended_by_reorgs,
    false_delivery_changes,
    opened_by_reading,
)
from connext_monitor.core.deadline import DueDates, Durations, due_dates
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.leg_effects import Effect, leg_effects
from connext_monitor.core.prior_state import NO_FALSE_DELIVERIES, FalseDeliveryChanges, PriorState
from connext_monitor.core.transfer import EventRecord, ObservedChange, Transfer, by_transfer, fold, merge

PathwayDurations = Callable[[DomainId, DomainId], Durations | None]
"""The durations of the pathway origin → destination; None where the destination is no configured chain."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What to store and what to do after a batch.

    ``added`` and ``removed`` are event records; ``transfers`` every transfer that is new or different, with its
    deadlines; ``vanished`` the ids of those that nothing is known of any more. ``effects`` are carried out in their
    order, those on alerts in the same transaction.
    """

    added: tuple[EventRecord, ...] = ()
    removed: tuple[EventRecord, ...] = ()
    transfers: tuple[tuple[Transfer, DueDates | None], ...] = ()
    vanished: tuple[TransferId, ...] = ()
    effects: tuple[Effect, ...] = ()
    false_deliveries: FalseDeliveryChanges = NO_FALSE_DELIVERIES

    @property
    def ended(self) -> list[ResolveAlert]:
        """The alerts that end."""
        return [effect for effect in self.effects if isinstance(effect, ResolveAlert)]

    @property
    def opened(self) -> list[OpenAlert]:
        """The alerts that open."""
        return [effect for effect in self.effects if isinstance(effect, OpenAlert)]


def record(prior: PriorState, batch: Batch, at: datetime, *, durations: PathwayDurations, name: NameOfChain) -> Changes:
    """The changes that a batch makes to the prior state, and what opens and ends with them ``at`` that time.

    1. Transfers, their deadlines, and the alerts about their legs.
    2. The alerts that end with what has been read or taken back.
    3. The alerts that open; what ended in the same batch opens again.
    """
    changes = transfer_changes(prior, batch.changes, durations)
    false_deliveries = false_delivery_changes(prior, batch)
    effects = (
        *changes.effects,
        *ended_by_reorgs(prior, false_deliveries),
        *ended_by_reading(prior, batch, name),
        *opened_by_reading(batch, name, at),
    )
    return replace(changes, effects=effects, false_deliveries=false_deliveries)


def transfer_changes(prior: PriorState, observed: Sequence[ObservedChange], durations: PathwayDurations) -> Changes:
    """The changes to transfers that what was observed, in its order, makes; what was pruned does not begin anew."""
    before = by_transfer(prior.records)
    added: list[EventRecord] = []
    removed: list[EventRecord] = []
    transfers: list[tuple[Transfer, DueDates | None]] = []
    vanished: list[TransferId] = []
    effects: list[Effect] = []
    for transfer_id, has in merge(before, observed).items():
        had = before.get(transfer_id, {})
        if has.keys() == had.keys() or transfer_id in prior.pruned:
            continue
        added += [record for identity, record in has.items() if identity not in had]
        removed += [record for identity, record in had.items() if identity not in has]
        old, new = fold(had.values()), fold(has.values())
        if old == new:
            continue
        was_due = prior.due.get(transfer_id)
        due = _due(old, was_due, new, durations)
        effects += leg_effects(old, was_due, new, due)
        if new is None:
            vanished.append(transfer_id)
        else:
            transfers.append((new, due))
    return Changes(tuple(added), tuple(removed), tuple(transfers), tuple(vanished), tuple(effects))


def _due(
    old: Transfer | None, was_due: DueDates | None, new: Transfer | None, durations: PathwayDurations
) -> DueDates | None:
    if new is None or new.xcalled is None:
        return None
    # A deadline is a promise made when XCalled was seen: it moves only when XCalled itself does. Where none was made,
    # because a backfill found it or nobody watched its destination, a leg that arrives makes none.
    if old and old.xcalled and old.xcalled.block.timestamp == new.xcalled.block.timestamp:
        return was_due
    return due_dates(new, durations(new.origin, new.destination))
