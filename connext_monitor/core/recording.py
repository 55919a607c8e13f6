"""What a batch of observations changes: from the prior state to the new one, and what follows from it."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import field
from datetime import datetime

from connext_monitor.core.added_events import with_event
from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.batch import Batch
from connext_monitor.core.bridge_effects import bridge_effects
from connext_monitor.core.bridge_records import NO_BRIDGE_CHANGES, BridgeChanges, bridge_changes
from connext_monitor.core.chain_effects import (
    NameOfChain,
    ended_by_reading,
    ended_by_reorgs,
    false_delivery_changes,
    opened_by_reading,
)
from connext_monitor.core.deadline import DueDates, PathwayDurations, due_dates
from connext_monitor.core.events import TransferId
from connext_monitor.core.leg_effects import Effect, leg_effects
from connext_monitor.core.prior_state import NO_FALSE_DELIVERIES, FalseDeliveryChanges, PriorState
from connext_monitor.core.router_books import Movements
from connext_monitor.core.structs import replace, struct
from connext_monitor.core.transfer import (
    EventRecord,
    Identity,
    ObservedChange,
    Records,
    SeenRecord,
    Transfer,
    by_transfer,
    fold,
    merge,
)
from connext_monitor.core.transfer_summary import TransferSummary, summary


@struct(frozen=True, slots=True)
class Changes:
    """What to store and what to do after a batch.

    ``added`` and ``removed`` are event records; ``transfers`` every transfer that is new or different, in short;
    ``vanished`` the ids of those that nothing is known of any more. ``effects`` are carried out in their order,
    those on alerts in the same transaction. ``bridge`` are the events besides transfers, ``books`` what all of it
    changes of routers' books.
    """

    added: tuple[SeenRecord, ...] = ()
    removed: tuple[EventRecord, ...] = ()
    transfers: tuple[TransferSummary, ...] = ()
    vanished: tuple[TransferId, ...] = ()
    effects: tuple[Effect, ...] = ()
    false_deliveries: FalseDeliveryChanges = NO_FALSE_DELIVERIES
    bridge: BridgeChanges = NO_BRIDGE_CHANGES
    books: Movements = field(default_factory=Movements)

    @property
    def ended(self) -> list[ResolveAlert]:
        """The alerts that end."""
        # By its type itself: to find out that a struct is no instance takes five times as long, and these are many.
        return [effect for effect in self.effects if type(effect) is ResolveAlert]

    @property
    def opened(self) -> list[OpenAlert]:
        """The alerts that open."""
        return [effect for effect in self.effects if type(effect) is OpenAlert]


def record(prior: PriorState, batch: Batch, at: datetime, *, durations: PathwayDurations, name: NameOfChain) -> Changes:
    """The changes that a batch makes to the prior state, and what opens and ends with them ``at`` that time.

    1. Transfers, their deadlines, and the alerts about their legs.
    2. The alerts that end with what has been read or taken back.
    3. The alerts that open; what ended in the same batch opens again.
    """
    changes = transfer_changes(prior, batch.changes, durations)
    false_deliveries = false_delivery_changes(prior, batch)
    bridge = bridge_changes(prior.bridge, batch.changes)
    if prior.bridge or bridge.standing:
        changes.books.liquidity([its.record for its in prior.bridge], [its.record for its in bridge.standing])
    effects = (
        *changes.effects,
        *ended_by_reorgs(prior, false_deliveries),
        *ended_by_reading(prior, batch, name),
        *opened_by_reading(batch, name, at),
        *bridge_effects(bridge, name, at),
    )
    return replace(changes, effects=effects, false_deliveries=false_deliveries, bridge=bridge)


def transfer_changes(prior: PriorState, observed: Sequence[ObservedChange], durations: PathwayDurations) -> Changes:
    """The changes to transfers that what was observed, in its order, makes; what was pruned does not begin anew.

    A transfer is folded from all of its events only where they may interact: nearly always each is one of its kind, and
    is added to what the transfer's row says.
    """
    after = _with_events(prior, observed, durations)
    unadded = {transfer_id for transfer_id, summary_now in after.items() if summary_now is None}
    folded = unadded - prior.pruned
    decided = _Decided()
    for change in observed:
        decided.added += (
            [record for record in change.seen if record.event.transfer_id not in unadded] if unadded else change.seen
        )
    decided.count_in_books()
    had, has = _all_events(prior, observed, folded) if folded else ({}, {})
    for transfer_id, summary_now in after.items():
        if summary_now is not None:
            decided.change(prior.transfers.get(transfer_id), summary_now)
        elif transfer_id in folded:
            was = prior.transfers.get(transfer_id)
            decided.fold(had.get(transfer_id, {}), has.get(transfer_id, {}), was.due if was else None, durations)
    return decided.changes()


def _with_events(
    prior: PriorState, observed: Sequence[ObservedChange], durations: PathwayDurations
) -> dict[TransferId, TransferSummary | None]:
    """Every transfer that was seen or is touched, with the events added to it; None where it is to be folded."""
    gone = any(change.gone for change in observed)
    # Where neither is so, as in nearly every batch of history, the ids are not gone through once more.
    ids = [r.event.transfer_id for change in observed for r in change.seen] if gone or prior.pruned else []
    if gone:
        return dict.fromkeys([*ids, *prior.transfers])
    after: dict[TransferId, TransferSummary | None] = dict.fromkeys(prior.pruned.intersection(ids))
    for change in observed:
        for record in change.seen:
            transfer_id = record.event.transfer_id
            before = after[transfer_id] if transfer_id in after else prior.transfers.get(transfer_id)
            if before is not None or transfer_id not in after:
                after[transfer_id] = with_event(before, record, durations)
    return after


def _all_events(
    prior: PriorState, observed: Sequence[ObservedChange], ids: AbstractSet[TransferId]
) -> tuple[Records, Records]:
    """The events of these transfers, before and after."""
    before = by_transfer(prior.events(ids))
    of_ids = [
        ObservedChange(tuple([r for r in change.seen if r.event.transfer_id in ids]), change.gone)
        for change in observed
    ]
    return before, merge(before, of_ids)


class _Decided:
    """What has been decided so far, in order."""

    def __init__(self) -> None:
        self.added: list[SeenRecord] = []
        self._removed: list[EventRecord] = []
        self._transfers: list[TransferSummary] = []
        self._vanished: list[TransferId] = []
        self._effects: list[Effect] = []
        self._books = Movements()

    def count_in_books(self) -> None:
        """What was added so far is one of its kind, and counts as it is."""
        self._books.alone(self.added)

    def fold(
        self,
        had: Mapping[Identity, EventRecord],
        has: Mapping[Identity, EventRecord],
        was_due: DueDates | None,
        durations: PathwayDurations,
    ) -> None:
        """A transfer has these events instead of those that it had."""
        # Compared whole: taken back and seen again, an event may say something else of the same block.
        self.added += [record for identity, record in has.items() if had.get(identity) != record]
        self._removed += [record for identity, record in had.items() if has.get(identity) != record]
        self._books.of_transfer(had.values(), has.values())
        old, new = fold(had.values()), fold(has.values())
        if old != new:
            due = _due(old, was_due, new, durations)
            self.change(summary(old, was_due) if old else None, summary(new, due) if new else None)

    def change(self, before: TransferSummary | None, after: TransferSummary | None) -> None:
        """A transfer is this instead of that."""
        self._effects += leg_effects(before, after)
        if after is not None:
            self._transfers.append(after)
        elif before is not None:
            self._vanished.append(before.transfer_id)

    def changes(self) -> Changes:
        """All of it."""
        return Changes(
            tuple(self.added),
            tuple(self._removed),
            tuple(self._transfers),
            tuple(self._vanished),
            tuple(self._effects),
            books=self._books,
        )


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
