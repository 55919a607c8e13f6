"""Pathways on which transfers wait while nothing is executed: when one may, must and must not be called stalled.

From `docs/api.md`: at least ``stalled_transfers`` wait, the oldest for ``stalled_after``, and nothing was executed
since that one was sent; established as for legs (promise 5).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import both, covers, longer, meets, minus, union
from tests.simulation.rules.overdue import (
    HIDDEN_FOUND_WITHIN,
    JUDGED_WITHIN,
    OVER_WITHIN,
    lately,
    read_since,
    remembers,
    reorg_seen_within,
    seen_within,
)
from tests.simulation.rules.weather import SETTLES, Case, must_be_open, must_be_over
from tests.simulation.trace import AlertChange, Interval, Sighting, State
from tests.simulation.truth import ChainTruth, Standing, TransferTruth, stood_sometime, stood_throughout

KIND = "pathway_stalled"
TRANSFERS = 3
"""So many are a stall where the config says nothing else."""
OF_THE_DEADLINE = 0.5
"""The part of the deadline for executing for which the oldest has to have waited, where it says nothing else."""
LOOKED_EVERY = 300.0
"""Seconds between two looks at what waits, as simulated monitors are set."""


_Event = tuple[int, str, Sighting]


@dataclass(frozen=True, slots=True)
class _State:
    """What waited on a pathway ``during`` this time.

    ``sent`` is where the XCalled stood that were not executed; ``last`` is the block time of the last execution then.
    ``forged``: one of them was delivered otherwise than it was sent.
    """

    during: Interval
    sent: Sequence[Sighting]
    last: float
    forged: bool

    def waiting(self, first: int) -> list[int]:
        """The block times of those that were sent after the last execution, in this block or a later one."""
        return [sent.timestamp for sent in self.sent if sent.timestamp > self.last and sent.block_number >= first]


@dataclass(frozen=True)
class _Pathway:
    """One pathway; ``first`` is the block of its origin from which on that is watched."""

    origin: ChainTruth
    destination: ChainTruth
    transfers: Sequence[TransferTruth]
    first: int
    after: float
    end: float

    @property
    def name(self) -> str:
        return f"{self.origin.name}/{self.destination.name}"

    @cached_property
    def executions(self) -> list[Standing]:
        return [executed for transfer in self.transfers for executed in transfer.executed]

    @cached_property
    def states(self) -> list[_State]:
        """What waited there, from one change to the next."""
        begun, over = defaultdict[float, list[_Event]](list), defaultdict[float, list[_Event]](list)
        for transfer in self.transfers:
            for kind, events in enumerate((transfer.xcalled, transfer.executed, transfer.forged)):
                for each in events:
                    begun[each.during.begin].append((kind, transfer.transfer_id, each.where))
                    over[each.during.end].append((kind, transfer.transfer_id, each.where))
        xcalled, executed, forged = standing = [dict[str, Sighting](), dict[str, Sighting](), dict[str, Sighting]()]
        sent, last, states = dict[str, Sighting](), -inf, []
        for begin, end in pairwise([*sorted(at for at in begun.keys() | over.keys() if at < self.end), self.end]):
            for kind, transfer_id, _ in over[begin]:
                del standing[kind][transfer_id]
            for kind, transfer_id, where in begun[begin]:
                standing[kind][transfer_id] = where
            # From the state before: all that there ever was is not gone through for each change.
            for _, transfer_id, _ in (*over[begin], *begun[begin]):
                if transfer_id in xcalled and transfer_id not in executed:
                    sent[transfer_id] = xcalled[transfer_id]
                else:
                    sent.pop(transfer_id, None)
            if any(standing[kind] is executed for kind, _, _ in over[begin]):
                last = max((where.timestamp for where in executed.values()), default=-inf)
            else:
                last = max([last, *(where.timestamp for kind, _, where in begun[begin] if standing[kind] is executed)])
            states.append(_State(Interval(begin, end), tuple(sent.values()), last, not forged.keys().isdisjoint(sent)))
        return states


def stalls(case: Case) -> Iterator[Finding]:
    """All that is wrong with what is said about stalled pathways."""
    pathways = {pathway.name: pathway for pathway in _pathways(case)}
    for opening in case.openings(KIND):
        pathway = pathways.get(opening.subject)
        words = "nothing was ever sent there" if pathway is None else _why_false(case, pathway, opening)
        if words:
            yield Finding(opening.at, Wrong.FALSE, "only stalled pathways", opening.subject, words)
    for pathway in pathways.values():
        yield from _must(case, pathway)
        yield from _must_not(case, pathway)
        yield from _wrong_ends(case, pathway)


def _pathways(case: Case) -> Iterator[_Pathway]:
    starts = {chain.name: chain.start for chain in case.trace.chains}
    transfers: dict[tuple[int, int], list[TransferTruth]] = defaultdict(list)
    for transfer in case.truth.transfers:
        transfers[transfer.origin, transfer.destination].append(transfer)
    after = OF_THE_DEADLINE * case.truth.execute_deadline
    for ends, of_pathway in transfers.items():
        origin, destination = map(case.truth.by_domain.get, ends)
        if origin is not None and destination is not None:
            yield _Pathway(origin, destination, of_pathway, starts.get(origin.name, 0), after, case.end)


def _why_false(case: Case, pathway: _Pathway, opening: AlertChange) -> str | None:
    """What is wrong with an opening, if anything, whatever the monitor may have seen of both chains lately.

    1. Enough transfers must have waited that were sent after the last execution.
    2. The destination must have had a block stamped later than when the oldest had waited for long enough.
    3. Enough of the XCalled must have been read again since then, see `read_since`.
    """
    remembered = remembers(case, opening.at, pathway.origin.domain)
    view = lately(case, opening.at, pathway.destination.domain)
    executed = (
        min(its.where.timestamp for its in transfer.executed if stood_sometime((its,), view))
        for transfer in pathway.transfers
        if stood_throughout(transfer.executed, view)
    )
    # An execution that nobody showed, of what is not asked about, is looked for when its transfer is due.
    hidden = meets(case.unshown(pathway.destination), Interval(view.begin - HIDDEN_FOUND_WITHIN, view.end))
    last = -inf if hidden else max(executed, default=-inf)
    sent = (
        [its for its in transfer.xcalled if stood_sometime((its,), remembered)]
        for transfer in pathway.transfers
        if not stood_throughout(transfer.executed, view)
    )
    called = [max(standings, key=_sent_at) for standings in sent if standings]
    waiting = [its for its in called if _sent_at(its) > last]
    if len(waiting) < TRANSFERS:
        return f"{len(waiting)} wait there"
    past = pathway.destination.past(min(map(_sent_at, waiting)) + pathway.after)
    if not meets(past, Interval(-inf, opening.at)):
        return "the oldest has not waited for long enough"
    late = Interval(past[0].begin, opening.at)
    read = [its for its in waiting if read_since(case, pathway.origin.domain, its, late)]
    return None if len(read) >= TRANSFERS else f"{len(waiting) - len(read)} of the XCalled were gone before"


def _sent_at(called: Standing) -> float:
    return called.where.timestamp


def _must(case: Case, pathway: _Pathway) -> Iterator[Finding]:
    """What is stalled for all to see must be called so."""
    if not case.lost.isdisjoint((pathway.origin.name, pathway.destination.name)):
        return
    calm = case.calm((pathway.origin.domain, pathway.destination.domain))
    within = max(map(reorg_seen_within, (pathway.origin, pathway.destination))) + LOOKED_EVERY + JUDGED_WITHIN
    stalled = union(_stalled(pathway))
    yield from must_be_open(case, KIND, pathway.name, stalled, calm, within, "stalled pathways are told of")


def _stalled(pathway: _Pathway) -> Iterator[Interval]:
    """When the pathway was stalled, by the newest blocks of both chains.

    What was delivered otherwise than it was sent is executed for nobody, but its contract says that it is: until
    something is executed that was sent later, nothing can be said.
    """
    for state in pathway.states:
        waiting = state.waiting(pathway.first)
        if len(waiting) >= TRANSFERS and not state.forged:
            yield from both((state.during,), pathway.destination.past(min(waiting) + pathway.after))


def _must_not(case: Case, pathway: _Pathway) -> Iterator[Finding]:
    """Once something is executed there, or too few wait, the pathway is stalled no longer."""
    chains = (pathway.origin, pathway.destination)
    calm = case.calm([chain.domain for chain in chains])
    shown = minus(calm, longer(case.unshown(pathway.destination), HIDDEN_FOUND_WITHIN))
    args = (case, KIND, pathway.name)
    for during in case.open(KIND, pathway.name):
        # What a reorg mines again was executed before as well.
        last = next(state.last for state in pathway.states if during.begin in state.during)
        since = [
            each.during
            for each in pathway.executions
            if during.begin < each.during.begin and each.where.timestamp > last
        ]
        within = seen_within(pathway.destination) + OVER_WITHIN
        rule = "an alert ends with its reason"
        for executed in both((during,), union(since)):
            yield from must_be_over(*args, (executed,), shown, within, rule, (during,))
        few = union(state.during for state in pathway.states if len(state.sent) < TRANSFERS)
        within = max(map(reorg_seen_within, chains)) + LOOKED_EVERY + OVER_WITHIN
        yield from must_be_over(*args, few, shown, within, rule, (during,))


def _wrong_ends(case: Case, pathway: _Pathway) -> Iterator[Finding]:
    """Something was executed if that is said; what waited was taken back if that is."""
    calm = case.calm((pathway.origin.domain, pathway.destination.domain), 0.0)
    opened_at = 0.0
    for change in case.changes.get((KIND, pathway.name), ()):
        if change.state is State.OPEN:
            opened_at = change.at
            continue
        before = Interval(opened_at - pathway.after - SETTLES, change.at)
        if change.resolution == "executing":
            right = any(meets((each.during,), before) for each in pathway.executions)
        else:
            called = (its for transfer in pathway.transfers for its in transfer.xcalled)
            right = any(its.during.end <= change.at for its in called)
        if not right and covers(calm, before):
            words = f"{KIND} ended as {change.resolution}"
            yield Finding(change.at, Wrong.FALSE, "an alert ends with its reason", pathway.name, words)
