"""Chains out of sight, and legs that nobody can judge: never silently blind (promise 11), and never for nothing."""

from collections.abc import Iterator
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, after, both, longer, meets, minus, union
from tests.simulation.rules.overdue import COVERED_AGAIN_WITHIN, HIDDEN_FOUND_WITHIN, KINDS, LAST_READ_BEFORE
from tests.simulation.rules.weather import ALWAYS, SETTLES, Case, must_be_open, must_be_over
from tests.simulation.trace import Interval
from tests.simulation.truth import ChainTruth, TransferTruth

KIND = "chain_unobserved"

NOTICED_WITHIN = 20.0
"""Seconds beyond ``unobserved_after`` until the alert: what was asked before the trouble may still be answered."""
SEEN_BEFORE = 60.0
"""Seconds before a silence in which the chain must have been seen, for a process that begins in it to know of that."""
CHANCE_AFTER_START = 0.5
"""Of ``unobserved_after``: a process that has just begun gives each endpoint that long before it goes by what was
silent before."""
SEEN_WITHIN = 180.0
"""Seconds of good weather, beyond those in which the monitor settles and beyond ``unobserved_after``, until a chain is
observed again: where legs could not be judged, none must have waited for that long."""
KNOWN_WITHIN = 90.0
"""Seconds of good weather after which a call is known that stands."""
COUNTED_EVERY, COUNTED_IN_PATIENCE = 900.0, 0.25
"""Seconds between two counts of the legs that nobody could judge, as simulated monitors are set; but no more than that
part of ``unobserved_after``."""
SAID_WITHIN = 30.0
"""Seconds beyond ``unobserved_after`` and the next count until somebody must have been told of a leg that is past due,
or why nothing can be said of it: patience begins with a count, and what is ripe then has ten seconds to be judged."""


def sight(case: Case) -> Iterator[Finding]:
    """All that is wrong with what is said about chains out of sight."""
    for chain in case.truth.chains:
        yield from _false(case, chain)
        yield from _must(case, chain)
        calm = case.calm((chain.domain,), SETTLES + case.truth.unobserved_after)
        unexplained = minus(ALWAYS, union([*_unjudgeable(case, chain), *_undecodable(case, chain)]))
        yield from must_be_over(
            case, KIND, chain.name, unexplained, calm, SEEN_WITHIN, "what is seen is no longer missed"
        )


def _unjudgeable(case: Case, chain: ChainTruth) -> Intervals:
    """When a leg that was due on the chain could not be judged, or not have been for long.

    The contract says that it is executed, and its delivery was forged, or nobody showed it.
    """
    patience = case.truth.unobserved_after
    forged = (forged.during for t in case.truth.transfers if t.destination == chain.domain for forged in t.forged)
    hidden = longer(case.unshown(chain), HIDDEN_FOUND_WITHIN + patience)
    return union([*longer(union(forged), 2 * patience + SEEN_WITHIN), *hidden])


def _undecodable(case: Case, chain: ChainTruth) -> Intervals:
    """When the newest log that was read could not be decoded, which the next cover of another one ends."""
    return longer(chain.undecodable, case.covered_every + NOTICED_WITHIN)


def _false(case: Case, chain: ChainTruth) -> Iterator[Finding]:
    """A chain is only out of sight if nothing of it could be seen for ``unobserved_after``.

    So some trouble of it, or of the monitor, must have begun by then, or little later than the last block before.
    """
    calm = case.calm((chain.domain,), SETTLES)
    explained = union([*_unjudgeable(case, chain), *_undecodable(case, chain)])
    last_read = max(COVERED_AGAIN_WITHIN * case.truth.unobserved_after, LAST_READ_BEFORE * chain.block_time)
    soon = case.truth.unobserved_after - last_read - NOTICED_WITHIN
    for change in case.openings(KIND):
        if change.subject != chain.name or any(change.at in interval for interval in explained):
            continue
        in_sight = [i for i in calm if i.begin <= change.at < i.end + soon]
        if in_sight or _stood_still_only(case, chain, change.at, soon):
            until = min(in_sight[-1].end, change.at) if in_sight else change.at
            words = f"it was in sight until {until:.0f}"
            yield Finding(change.at, Wrong.FALSE, "only what is not seen is unobserved", chain.name, words)


def _stood_still_only(case: Case, chain: ChainTruth, at: float, soon: float) -> bool:
    """Whether nothing hid the chain but a standstill of the host, which is over for less time than calls for an alert.

    What was silent between two standstills adds up: one that followed another closely says nothing.
    """
    halts = [halt for halt in union(case.trace.suspended) if halt.begin < at]
    if not halts or not 0 <= at - halts[-1].end < soon:
        return False
    before = halts[-2].end if len(halts) > 1 else -inf
    awake = minus(minus(union(case.trace.up), union(case.trace.disk_failing)), case.truth.clock_wrong)
    fine = after(minus(awake, chain.troubled), SETTLES)
    return halts[-1].begin - before > SETTLES and any(i.begin <= halts[-1].begin and at < i.end for i in fine)


def _must(case: Case, chain: ChainTruth) -> Iterator[Finding]:
    """A chain of which nobody can read a block is told of, however it comes; or the newest log."""
    patience = case.truth.unobserved_after * (1 + COVERED_AGAIN_WITHIN) + NOTICED_WITHIN
    yield from must_be_open(case, KIND, chain.name, chain.blind, case.running, patience, "never silently blind")
    yield from _must_over_restarts(case, chain, patience)
    if chain.name not in case.lost:
        mangled = minus(chain.undecodable, longer(chain.troubled, SETTLES))
        looked = patience + case.covered_every
        yield from must_be_open(case, KIND, chain.name, mangled, case.running, looked, "never silently blind")


def _must_over_restarts(case: Case, chain: ChainTruth, patience: float) -> Iterator[Finding]:
    """A process does not wait anew for what was silent before it began."""
    chance = CHANCE_AFTER_START * case.truth.unobserved_after + NOTICED_WITHIN
    seen = case.calm((chain.domain,))
    for blind in chain.blind:
        silent = Interval(blind.begin + patience, blind.end)
        if silent.seconds > 0 and any(i.begin < blind.begin <= i.end + SEEN_BEFORE for i in seen):
            for well in (well for well in case.each_well if well.begin > blind.begin):
                rule = "never silently blind, however often started"
                yield from must_be_open(case, KIND, chain.name, (silent,), (well,), chance, rule)


def silence(case: Case) -> Iterator[Finding]:
    """No leg is past due for longer than a bounded time without somebody being told that it is late, or why not."""
    starts = {chain.name: chain.start for chain in case.trace.chains}
    for transfer in case.truth.transfers:
        origin, destination = (case.truth.by_domain.get(d) for d in (transfer.origin, transfer.destination))
        if origin and destination and not transfer.forged:
            yield from _silent(case, transfer, starts.get(origin.name, 0))


def _silent(case: Case, transfer: TransferTruth, first_block: int) -> Iterator[Finding]:
    counted_every = min(COUNTED_EVERY, COUNTED_IN_PATIENCE * case.truth.unobserved_after)
    patience = case.truth.unobserved_after + counted_every + SAID_WITHIN
    names = [case.truth.by_domain[domain].name for domain in (transfer.origin, transfer.destination)]
    for kind in KINDS:
        late = minus(_late(case, transfer, kind, first_block), union(leg.during for leg in transfer.leg(kind)))
        if not late:
            continue
        said = union(
            [
                *case.open(kind, transfer.transfer_id),
                *(interval for name in names for interval in case.open(KIND, name)),
                *(interval for interval in case.open("database_failing", "database")),
            ]
        )
        unsaid = both(minus(late, said), both(_known(case, transfer), minus(case.running, _clock_excuses(case))))
        for interval in after(unsaid, patience):
            if interval.begin < case.end:
                words = f"past due for {patience:.0f} s, and nothing was said of it ({kind})"
                yield Finding(interval.begin, Wrong.MISSED, "never silently blind", transfer.transfer_id, words)


def _clock_excuses(case: Case) -> Intervals:
    """When the machine's clock was wrong, and something with a chain too, so that they did not all say so."""
    troubled = [longer(chain.troubled, SETTLES) for chain in case.truth.chains]
    return union(wrong for wrong in case.truth.clock_wrong if any(meets(when, wrong) for when in troubled))


def _late(case: Case, transfer: TransferTruth, kind: str, first_block: int) -> Intervals:
    """When its XCalled stood and the deadline was past, by a right clock."""
    deadline = case.truth.deadline(kind)
    return union(
        Interval(max(due, called.during.begin), called.during.end)
        for called in transfer.xcalled
        if called.where.block_number >= first_block
        and (due := called.where.timestamp + deadline - case.truth.epoch) < called.during.end
    )


def _known(case: Case, transfer: TransferTruth) -> Intervals:
    """From when on the monitor must have known of it: its origin had been well for a while as it stood."""
    calm = case.calm((transfer.origin,))
    seen = [both(calm, (called.during,)) for called in transfer.xcalled]
    begun = min(
        (i.begin + KNOWN_WITHIN for intervals in seen for i in intervals if i.seconds > KNOWN_WITHIN), default=inf
    )
    return (Interval(begun, inf),)
