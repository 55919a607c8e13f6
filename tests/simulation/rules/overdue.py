"""Overdue legs: when one may, must and must not be called late (promises 1, 3, 4, 5, 6 and 8)."""

from collections.abc import Callable, Iterable, Iterator
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, both, longer, meets, minus, union
from tests.simulation.rules.weather import ALWAYS, SETTLES, Case, must_be_open, must_be_over, openings
from tests.simulation.trace import AlertChange, Interval, State
from tests.simulation.truth import ChainTruth, Standing, TransferTruth, stood_sometime, stood_throughout

KINDS = ("execute_overdue", "reconcile_overdue")

ASKED_BEFORE = 15.0
"""Seconds between the destination's last answer about a leg and the commit that calls it late: the answer's way (one
time-out of 10 s), the search for causes (1 s) and the transaction."""
WHILE_TROUBLED = 120.0
"""The same while an endpoint is in trouble: what it said last may count for that long."""
JUDGED_WITHIN = 12.0
"""Seconds from when the block past the deadline can be seen until the alert: it is covered, the destination is asked
(endpoints answer within seconds), causes are looked for (1 s). Pushed blocks took 3.5 s at most in sound runs."""
OVER_WITHIN = 12.0
"""Seconds from when the block with the leg can be seen until the alert is resolved."""
HIDDEN_FOUND_WITHIN = 930.0
"""Seconds after no endpoint showed some legs until one that came meanwhile is found: its event is looked for at least
every fifteen minutes, and after a restart within one."""
COVERED_AGAIN_WITHIN, LAST_READ_BEFORE = 0.5, 2
"""Of ``unobserved_after``, and in blocks: the newest block that was covered before an origin went out of sight is that
much older at most, whichever is more."""
OPENS_AGAIN_AFTER = 59.0
"""Seconds before which what has ended does not open again."""
SETTLED_AFTER = 90.0
"""What has just ended opens again when it has stayed so for a minute."""


def overdue(case: Case) -> Iterator[Finding]:
    """All that is wrong with the alerts about late legs."""
    for kind in KINDS:
        yield from _too_soon(case, kind)
        for opening in case.openings(kind):
            words = _why_false(case, opening)
            if words:
                yield Finding(opening.at, Wrong.FALSE, "overdue only if absent", opening.subject, f"{kind}: {words}")
    starts = {chain.name: chain.start for chain in case.trace.chains}
    for transfer in case.truth.transfers:
        destination = case.truth.by_domain.get(transfer.destination)
        origin = case.truth.by_domain.get(transfer.origin)
        if destination and origin:
            watched = _watched(transfer, starts.get(origin.name, 0))
            yield from _must(case, transfer, watched)
            yield from _must_not(case, transfer)


def _watched(transfer: TransferTruth, first_block: int) -> tuple[Standing, ...]:
    """Where XCalled stood in a block that is watched."""
    return tuple(called for called in transfer.xcalled if called.where.block_number >= first_block)


# Must not


def _why_false(case: Case, opening: AlertChange) -> str | None:
    """What is wrong with an opening, if anything.

    1. The transfer must exist and be owed something, and its XCalled have stood at some instant lately.
    2. Its leg must not have stood all the while.
    3. The destination must have had a block stamped later than the deadline, of an XCalled that stood.
    4. That XCalled must have been read again since then, see `read_since`.
    """
    transfer = case.truth.by_id.get(opening.subject)
    if transfer is None or transfer.destination not in case.truth.by_domain:
        return "no such transfer"
    remembered = remembers(case, opening.at, transfer.origin)
    called = [standing for standing in transfer.xcalled if stood_sometime((standing,), remembered)]
    if not called:
        return "its XCalled does not stand"
    view = _answered(case, opening.at, case.truth.by_domain[transfer.destination])
    if stood_throughout(transfer.leg(opening.kind), view):
        return "the leg has arrived"
    past, deadline = case.truth.by_domain[transfer.destination].past, case.truth.deadline(opening.kind)
    begun = [(its, _begin(past(its.where.timestamp + deadline), opening.at)) for its in called]
    late = [(its, since) for its, since in begun if since is not None]
    if not late:
        return "the destination has no block after the deadline"
    if not any(read_since(case, transfer.origin, its, Interval(since, opening.at)) for its, since in late):
        return "its XCalled was gone before it was due"
    return None


def _begin(intervals: Intervals, until: float) -> float | None:
    """The first instant of these, if that is before another one."""
    return intervals[0].begin if intervals and intervals[0].begin < until else None


def read_since(case: Case, domain: int, called: Standing, late: Interval) -> bool:
    """Whether an XCalled may have been seen to stand since its leg was known to be late, until that was told.

    What is final is not read again, nor what is out of sight. An endpoint that is behind does not show what has
    replaced a block that it does not have yet.
    """
    origin = case.truth.by_domain.get(domain)
    if origin is None:
        return True
    behind = max((by for during, by in origin.lags if meets((during,), late)), default=0.0)
    return (
        called.during.end > late.begin - behind
        or _is_called_final(origin, called, late.end)
        or _out_of_sight(case, origin, late.end)
    )


def _is_called_final(chain: ChainTruth, event: Standing, at: float) -> bool:
    """Whether the block of an event was final before it was replaced, or an endpoint may have said so."""
    until = min(at, event.during.end)
    final = any(since <= until and event.where.block_number <= height for since, height in chain.final)
    return final or meets(chain.all_final, Interval(event.during.begin, at))


def _out_of_sight(case: Case, chain: ChainTruth, at: float) -> bool:
    """Whether nothing of a chain was seen for ``unobserved_after``, by this process or the one before it."""
    patience = case.truth.unobserved_after
    unread = max(COVERED_AGAIN_WITHIN * patience, LAST_READ_BEFORE * chain.block_time)
    unseen = longer([*chain.unseen, *minus(ALWAYS, union(case.trace.up))], SETTLES)
    return any(i.begin - unread <= at - patience and at < i.end for i in unseen)


def lately(case: Case, at: float, domain: int) -> Interval:
    """What the monitor may have seen of a chain when it decided something.

    An older state of it: by as little as it was well, as much as its endpoints were behind, and as long as the monitor
    itself stood still.
    """
    chain = case.truth.by_domain.get(domain)
    begin = at - ASKED_BEFORE
    if chain is None:
        return Interval(begin, at)
    troubled = any(trouble.begin <= at and at - WHILE_TROUBLED < trouble.end for trouble in chain.troubled)
    begin = at - WHILE_TROUBLED if troubled else begin
    begin -= max((by for during, by in chain.lags if during.begin <= at and begin < during.end), default=0.0)
    still = sum(
        min(at, halt.end) - halt.begin for halt in case.trace.suspended if halt.begin <= at and begin < halt.end
    )
    return Interval(begin - still, at)


def _answered(case: Case, at: float, destination: ChainTruth) -> Interval:
    """The same of a destination that was asked about one leg: the node that answered may be behind the others."""
    seen = lately(case, at, destination.domain)
    return Interval(seen.begin - max((by for during, by in destination.uneven if at in during), default=0.0), at)


def remembers(case: Case, at: float, domain: int) -> Interval:
    """The same of an origin: what was seen of it stands until another block is seen, for as long as that takes.

    Nothing of it is seen while nobody lets a block be read or proves one, or all endpoints leave out what they have
    shown before. Answers that came too late may have been none, once it was out of sight for ``unobserved_after``.
    """
    chain, seen = case.truth.by_domain.get(domain), lately(case, at, domain)
    unseen = union([*chain.blind, *chain.blurred, *chain.hiding]) if chain else ()
    if chain is not None and _out_of_sight(case, chain, at):
        unseen = union([*unseen, *chain.unseen])
    begins = [i.begin - ASKED_BEFORE for i in unseen if i.begin <= at and at - SETTLES < i.end]
    return Interval(min([seen.begin, *begins]), at)


# Must


def _past_deadline(
    past: Callable[[float], Intervals], called: Iterable[Standing], deadline: float
) -> Iterator[Interval]:
    for standing in called:
        yield from both((standing.during,), past(standing.where.timestamp + deadline))


def seen_within(chain: ChainTruth) -> float:
    """Seconds until a new block of a chain is seen: where it is polled, at the next look."""
    return chain.polled_every


def reorg_seen_within(chain: ChainTruth) -> float:
    """Seconds until a reorg is noticed: at the latest by the next block, which does not follow what was seen."""
    return chain.block_time + seen_within(chain)


def _must(case: Case, transfer: TransferTruth, watched: tuple[Standing, ...]) -> Iterator[Finding]:
    """What is late for all to see must be called so."""
    if transfer.forged:
        return  # the contract says that it was executed: the accusation is another one
    origin, destination = case.truth.by_domain[transfer.origin], case.truth.by_domain[transfer.destination]
    calm = case.calm((transfer.origin, transfer.destination))
    for kind in KINDS:
        due = union(_past_deadline(destination.past, watched, case.truth.deadline(kind)))
        late = minus(due, union(leg.during for leg in transfer.leg(kind)))
        again = [Interval(i.end, i.end + SETTLED_AFTER) for i in case.open(kind, transfer.transfer_id) if i.end < inf]
        for interval in minus(late, union(again)):
            reorged = interval.begin in origin.reorgs | destination.reorgs
            seen = max(map(reorg_seen_within, (origin, destination))) if reorged else seen_within(destination)
            unread = _unread_within(case, origin, (called.during for called in watched))
            args = (case, kind, transfer.transfer_id, (interval,), calm, seen + unread + JUDGED_WITHIN)
            yield from must_be_open(*args, "absence is told")


def _unread_within(case: Case, origin: ChainTruth, called: Iterable[Interval]) -> float:
    """Seconds until a call is read that came while all endpoints of its origin cut logs short.

    Its nonce is missing then, and is looked for about once in ``unobserved_after`` (promise 8).
    """
    unread = both(origin.mangling, origin.blurred)
    return (
        case.truth.unobserved_after if any(during.begin in trouble for during in called for trouble in unread) else 0.0
    )


def _must_not(case: Case, transfer: TransferTruth) -> Iterator[Finding]:
    """What arrived, is owed no more, or is not due yet after all, is not late any more."""
    origin, destination = case.truth.by_domain[transfer.origin], case.truth.by_domain[transfer.destination]
    for kind in KINDS:
        if not case.open(kind, transfer.transfer_id):
            continue
        args = (case, kind, transfer.transfer_id)
        rule = "an alert ends with its reason"
        shown = minus(
            case.calm((transfer.destination,)),
            union(Interval(i.begin, i.end + HIDDEN_FOUND_WITHIN) for i in case.unshown(destination)),
        )
        for arrived in union(leg.during for leg in transfer.leg(kind)):
            within = seen_within(destination) + OVER_WITHIN
            if any(arrived.begin in trouble for trouble in longer(destination.troubled, SETTLES)):
                within += case.covered_every  # what was mangled then is read again with the next cover
            yield from must_be_over(*args, (arrived,), shown, within, rule)
        not_late = minus(ALWAYS, union(_since_due(case, transfer, kind)))
        within = reorg_seen_within(origin) + OVER_WITHIN
        calm = case.calm((transfer.origin, transfer.destination))
        yield from must_be_over(*args, not_late, calm, within, rule)


def _since_due(case: Case, transfer: TransferTruth, kind: str) -> Iterator[Interval]:
    """From when on each XCalled, while it stood, was seen to be late: a reorg of the destination changes nothing."""
    for called in transfer.xcalled:
        past = case.truth.by_domain[transfer.destination].past(called.where.timestamp + case.truth.deadline(kind))
        if past and past[0].begin < called.during.end:
            yield Interval(max(past[0].begin, called.during.begin), called.during.end)


def _too_soon(case: Case, kind: str) -> Iterator[Finding]:
    """A leg that comes and goes with reorgs is one alert: what has just ended opens when it has stayed so."""
    clock = case.truth.clock_wrong
    for (of_kind, subject), changes in case.changes.items():
        ends = [change.at for change in changes if of_kind == kind and change.state is State.RESOLVED]
        for opening in openings(changes) if ends else ():
            since = max((at for at in ends if at < opening.at), default=-inf)
            steady = not meets(clock, Interval(since - OPENS_AGAIN_AFTER, opening.at + OPENS_AGAIN_AFTER))
            if opening.at - since < OPENS_AGAIN_AFTER and steady:
                words = f"{kind} opened again {opening.at - since:.1f} s after it ended"
                yield Finding(opening.at, Wrong.FALSE, "no alert flaps", subject, words)
