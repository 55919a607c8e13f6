"""What chains may show of a few transfers, drawn small so that it collides; and a store that is a few dicts."""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from connext_monitor.core.deadline import ArmDeadline, CancelDeadline, DueDates, Leg, ResolveOverdue, sighting_of
from connext_monitor.core.events import DomainId, Hash32, TransferId
from connext_monitor.core.recording import Changes, Known, gone_blocks, record
from connext_monitor.core.transfer import EventRecord, Step, Transfer
from tests.core.made_up import DESTINATION, ELSEWHERE, ORIGIN, ROUTER, Sample, block, durations

T = TypeVar("T")
History = list[list[Step]]
"""Batches of steps."""

_NUMBERS, _FORKS = (1, 2, 3), (0, 1)


def samples(salt: int = 0) -> list[Sample]:
    """Transfers there, back, and to a chain that nobody watches."""
    nonce = 10 * salt
    return [Sample(nonce), Sample(nonce + 1, DESTINATION, ORIGIN), Sample(nonce + 2, ORIGIN, ELSEWHERE)]


def event_records(salt: int = 0) -> st.SearchStrategy[EventRecord]:
    """One event of one of the samples in one of six blocks, now and then on a chain where it cannot count."""

    def seen(sample: Sample, what: int, number: int, fork: int) -> EventRecord:
        at = block(number, fork=fork, salt=salt)
        match what:
            case 0 | 1:
                return sample.xcalled(at)
            case 2 | 3:
                # The same transfer may be executed by a router on one fork and by the slow path on the other.
                return sample.executed(at, routers=(ROUTER,) if fork == 0 else ())
            case 4:
                return sample.reconciled(at, domain=DomainId(sample.destination + 7))
            case _:
                return sample.reconciled(at)

    return st.builds(
        seen,
        st.sampled_from(samples(salt)),
        st.integers(0, 6),
        st.sampled_from(_NUMBERS),
        st.sampled_from(_FORKS),
    )


def gone_sets(salt: int = 0) -> st.SearchStrategy[frozenset[tuple[DomainId, Hash32]]]:
    """Blocks proven gone."""
    gone = st.builds(
        lambda domain, number, fork: (domain, block(number, fork=fork, salt=salt).hash),
        st.sampled_from([ORIGIN, DESTINATION, ELSEWHERE]),
        st.sampled_from(_NUMBERS),
        st.sampled_from(_FORKS),
    )
    return st.frozensets(gone, max_size=4)


def steps(salt: int = 0) -> st.SearchStrategy[Step]:
    """One observation."""
    seen = st.lists(event_records(salt), max_size=5).map(tuple)
    return st.builds(Step, seen, st.one_of(st.just(frozenset()), gone_sets(salt)))


@st.composite
def split(draw: st.DrawFn, whole: Sequence[T]) -> list[list[T]]:
    """The same things in the same order, in batches."""
    cuts = draw(st.lists(st.integers(0, len(whole)), max_size=4).map(sorted))
    edges = [0, *cuts, len(whole)]
    return [list(whole[a:b]) for a, b in zip(edges, edges[1:], strict=False) if a < b]


@st.composite
def retellings(draw: st.DrawFn, records: Sequence[EventRecord]) -> History:
    """All of these events in any order, some of them more than once, in batches of steps that take nothing back."""
    repeated = draw(st.lists(st.sampled_from(records), max_size=4)) if records else []
    told = draw(st.permutations([*records, *repeated]))
    alone = [Step((one,)) for one in told]
    return draw(split(alone))


def touched(batch: Sequence[Step]) -> set[TransferId]:
    """The transfers that a batch names."""
    return {seen.event.transfer_id for step in batch for seen in step.seen}


class Ledger:
    """What the store keeps, and what the scheduler has armed, with nothing behind it."""

    def __init__(self) -> None:
        self.records: dict[object, EventRecord] = {}
        self.transfers: dict[TransferId, Transfer] = {}
        self.due: dict[TransferId, DueDates] = {}
        self.armed: dict[tuple[TransferId, Leg], int] = {}
        self.accused: dict[tuple[TransferId, Leg], int] = {}

    def apply(self, batch: Sequence[Step]) -> Changes:
        """Record one batch as the store would."""
        gone = gone_blocks(batch)
        ids = touched(batch)
        ids |= {r.event.transfer_id for r in self.records.values() if (r.domain, r.sighting.block.hash) in gone}
        known = Known(
            [r for r in self.records.values() if r.event.transfer_id in ids],
            {transfer_id: due for transfer_id, due in self.due.items() if transfer_id in ids},
        )
        changes = record(known, batch, durations)
        self._keep(changes)
        self._follow(changes)
        return changes

    def apply_all(self, history: History) -> "Ledger":
        """Record batch by batch."""
        for batch in history:
            self.apply(batch)
        return self

    def accuse_all(self) -> None:
        """Open the alert of every leg that is awaited, as if all of them were late."""
        self.accused = self.awaited() | self.accused

    def awaited(self) -> dict[tuple[TransferId, Leg], int]:
        """The legs that have not arrived and until when they are due, read off the transfers."""
        return {
            (transfer_id, leg): due.of(leg)
            for transfer_id, due in self.due.items()
            for leg in Leg
            if sighting_of(self.transfers[transfer_id], leg) is None
        }

    def _keep(self, changes: Changes) -> None:
        for lost in changes.removed:
            del self.records[lost.identity]
        for transfer_id in changes.vanished:
            del self.transfers[transfer_id]
            self.due.pop(transfer_id, None)
        for added in changes.added:
            assert added.identity not in self.records
            self.records[added.identity] = added
        for transfer, due in changes.transfers:
            self.transfers[transfer.transfer_id] = transfer
            self.due.pop(transfer.transfer_id, None)
            if due is not None:
                self.due[transfer.transfer_id] = due

    def _follow(self, changes: Changes) -> None:
        for effect in changes.effects:
            match effect:
                case ArmDeadline(awaited):
                    self.armed[awaited.transfer_id, awaited.leg] = awaited.due_at
                case CancelDeadline(transfer_id, leg):
                    del self.armed[transfer_id, leg]
                case ResolveOverdue(transfer_id, leg, _):
                    self.accused.pop((transfer_id, leg), None)
