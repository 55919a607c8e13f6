"""Alerts about single things that are wrong: false deliveries, deep reorgs, lost history, backups."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from operator import itemgetter

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, both, meets, minus, union
from tests.simulation.rules.overdue import reorg_seen_within
from tests.simulation.rules.weather import ALWAYS, SETTLES, Case, must_be_open, must_be_over
from tests.simulation.trace import Interval
from tests.simulation.truth import Block, ChainTruth, TransferTruth

FOUND_WITHIN = 30.0
"""Seconds from when the block of a false delivery can be seen until it is accused: it is covered, not only pushed, and
another endpoint is asked."""
PHANTOM_FOUND_WITHIN = 90.0
"""Seconds from when an origin is known to be final past a delivery until that is called a phantom: the watch looks once
a minute. What its newest block was when it was past the delivery is known with the next cover."""
CLOCKS_DIFFER_BY = 3600.0
"""Seconds by which the blocks of two chains may be stamped apart, so that one is not past the other yet."""
LOSS_SAID_WITHIN = 120.0
"""Seconds from the start until lost history is told of: three hearings in half a minute, a minute's patience."""
ENDS_WITHIN = 60.0
"""Seconds from the end of what an alert is about until its end."""
REORG_SEEN_WITHIN = 150.0
"""Seconds of good weather after a reorg, beyond those between two covers, until it is found."""


def mismatches(case: Case) -> Iterator[Finding]:
    """A delivery of something else is accused as long as it stands, and no other is."""
    kind = "delivery_mismatch"
    for opening in case.openings(kind):
        transfer = case.truth.by_id.get(opening.subject)
        lately = Interval(opening.at - SETTLES, opening.at)
        if transfer is None or not any(forged.during.begin < opening.at for forged in transfer.forged):
            yield Finding(opening.at, Wrong.FALSE, "only forged deliveries", opening.subject, "nothing was forged")
        elif not meets([forged.during for forged in transfer.forged], lately):
            yield Finding(opening.at, Wrong.FALSE, "only forged deliveries", opening.subject, "it is gone")
    starts = {chain.name: chain.start for chain in case.trace.chains}
    for transfer in case.truth.transfers:
        destination = case.truth.by_domain.get(transfer.destination)
        if destination is None or not transfer.forged:
            continue
        # What was delivered before the watch began is not read.
        start = starts.get(destination.name, 0)
        stands = union(forged.during for forged in transfer.forged if forged.where.block_number >= start)
        calm = case.calm((transfer.destination,))
        args = (case, kind, transfer.transfer_id)
        seen = reorg_seen_within(destination)
        # What was not pushed is read with the next cover.
        seen += case.covered_every if any(i.begin in mute for i in stands for mute in destination.unheard) else 0.0
        yield from must_be_open(*args, stands, calm, seen + FOUND_WITHIN, "forged deliveries are accused")
        gone = minus(ALWAYS, union(forged.during for forged in transfer.forged))
        yield from must_be_over(*args, gone, calm, seen + ENDS_WITHIN, "what was taken back is not accused")


def phantoms(case: Case) -> Iterator[Finding]:
    """A delivery that nobody sent is accused once its origin is final past it, and no other is."""
    kind = "phantom_delivery"
    for opening in case.openings(kind):
        transfer = case.truth.by_id.get(opening.subject)
        if transfer is None or not any(leg.during.begin < opening.at for leg in transfer.executed):
            yield Finding(opening.at, Wrong.FALSE, "only phantoms", opening.subject, "nothing was delivered")
        elif transfer.xcalled and _was_sent(transfer, opening.at):
            yield Finding(opening.at, Wrong.FALSE, "only phantoms", opening.subject, "its origin did send it")
    watched = {chain.name: chain for chain in case.trace.chains}
    for transfer in case.truth.transfers:
        origin, destination = (case.truth.by_domain.get(d) for d in (transfer.origin, transfer.destination))
        if origin is None or destination is None or transfer.xcalled or not transfer.executed:
            continue
        if not {origin.name, destination.name} <= watched.keys():
            continue
        nonce, start = watched[origin.name].first_nonce, watched[destination.name].start
        if nonce is None or transfer.nonce < nonce:
            continue
        # What is from before the watch, or from history that was lost meanwhile, is nobody's phantom.
        delivered = union(leg.during for leg in transfer.executed if leg.where.block_number >= start)
        calm = case.calm((transfer.origin, transfer.destination))
        args = (case, kind, transfer.transfer_id)
        within = case.covered_every + case.finality_noted_within + PHANTOM_FOUND_WITHIN
        for proven in _proven(case, origin, transfer, calm):
            yield from must_be_open(*args, both(delivered, proven), calm, within, "phantoms are accused")
        gone = minus(ALWAYS, union(leg.during for leg in transfer.executed))
        within = reorg_seen_within(destination) + ENDS_WITHIN
        yield from must_be_over(*args, gone, calm, within, "what was taken back is not accused")


def _was_sent(transfer: TransferTruth, at: float) -> bool:
    """Whether its XCalled stands."""
    return any(called.during.begin < at <= called.during.end for called in transfer.xcalled)


def _proven(case: Case, origin: ChainTruth, transfer: TransferTruth, calm: Intervals) -> Iterator[Intervals]:
    """When the origin proves that it never sent a delivery: by process, as each begins anew.

    It is final past the block that was its newest one when the process first saw it past the delivery's time, or past
    all that two chains' clocks may differ by; and so is the block of whoever has been given the delivery's nonce
    meanwhile.
    """
    delivered_at = min(leg.where.timestamp for leg in transfer.executed)
    past = origin.past(delivered_at)
    long_final = _final_at(origin, _height_past(origin, delivered_at + CLOCKS_DIFFER_BY))
    open_to_doubt = union(
        Interval(called.during.begin, min(called.during.end, _final_at(origin, called.where.block_number)))
        for other in case.truth.transfers
        if (other.origin, other.nonce) == (transfer.origin, transfer.nonce)
        for called in other.xcalled
    )
    for life in case.trace.up:
        seen = both(past, both(calm, (life,)))
        settled = [_final_at(origin, _height(origin, seen[0].begin))] if seen else []
        final = Interval(max(life.begin, min([long_final, *settled])), life.end)
        if final.begin < final.end:
            yield minus((final,), open_to_doubt)


def _height(chain: ChainTruth, at: float) -> float:
    """That of the newest block at an instant."""
    return next((block.number for since, block in reversed(chain.heads) if since <= at), inf)


def _height_past(chain: ChainTruth, timestamp: float) -> float:
    """That of the first of its blocks from which on all are stamped later."""
    standing = [block for block in chain.blocks if block.until == inf]
    early = max((block.number for block in standing if block.timestamp <= timestamp), default=-inf)
    return min((block.number for block in standing if block.number > early), default=inf)


def _final_at(chain: ChainTruth, height: float) -> float:
    """When the block of that height became final."""
    return next((at for at, final in chain.final if final >= height), inf)


def deep_reorgs(case: Case) -> Iterator[Finding]:
    """A final block that is replaced is told of, and no shallower reorg is.

    Final is what an endpoint calls so, where one is asked: whether it is wrong about that nobody can tell.
    """
    for chain in case.truth.chains:
        replaced = [block for block in chain.blocks if block.until < inf and _was_final(chain, block)]
        called_final = [
            block
            for block in chain.blocks
            if block.until < inf and meets(chain.all_final, Interval(block.since, block.until))
        ]
        for opening in case.openings("deep_reorg"):
            if opening.subject == chain.name and not any(
                block.until <= opening.at for block in [*replaced, *called_final]
            ):
                words = "no final block was replaced"
                yield Finding(opening.at, Wrong.FALSE, "only deep reorgs", chain.name, words)
        long_final = [block for block in replaced if _was_final(chain, block, case.finality_noted_within)]
        yield from _must_tell_of(case, chain, sorted({block.until for block in long_final}))


def _was_final(chain: ChainTruth, block: Block, seconds: float = 0.0) -> bool:
    """Whether it had been final for so long when it was replaced."""
    # Each names a higher block than those before it.
    since = bisect_left(chain.final, block.number, key=itemgetter(1))
    return since < len(chain.final) and chain.final[since][0] + seconds < block.until


def _must_tell_of(case: Case, chain: ChainTruth, instants: list[float]) -> Iterator[Finding]:
    """It had read the block as a final one before, if all was well before the reorg."""
    calm = case.calm((chain.domain,))
    opened = [change.at for change in case.openings("deep_reorg") if change.subject == chain.name]
    stood = case.open("deep_reorg", chain.name)
    for at in instants:
        seen_before = any(i.begin + case.finality_noted_within <= at < i.end for i in calm)
        within = case.covered_every + REORG_SEEN_WITHIN
        by = next((max(at, i.begin) + within for i in calm if i.end > max(at, i.begin) + within), inf)
        is_alerted = any(at <= instant <= by for instant in opened) or any(at in interval for interval in stood)
        if seen_before and by < case.end and not is_alerted:
            yield Finding(
                by, Wrong.MISSED, "deep reorgs are told of", chain.name, f"a final block was replaced at {at:.0f}"
            )
    calm_after = case.calm((chain.domain,), SETTLES + chain.block_time)
    yield from must_be_over(
        case, "deep_reorg", chain.name, ALWAYS, calm_after, ENDS_WITHIN + SETTLES, "read again is over"
    )


def lost_history(case: Case) -> Iterator[Finding]:
    """Nobody is told of lost history while an endpoint has it; where none has, people are."""
    for watched in case.truth.chains:
        yield from _must_say_lost(case, watched)
    for opening in case.openings("monitor_started_blind"):
        chain = case.truth.by_name.get(opening.subject)
        lately = Interval(opening.at - SETTLES, opening.at)
        if chain is None or not meets(chain.pruned, lately):
            words = "an endpoint had its whole history"
            yield Finding(opening.at, Wrong.FALSE, "only lost history", opening.subject, words)


def _must_say_lost(case: Case, chain: ChainTruth) -> Iterator[Finding]:
    """A new process is to read on from where the last one was at most: from what was final when that ended."""
    calm = minus(case.well, chain.ailing)
    for before, life in pairwise(case.trace.up):
        read = max((height for at, height in chain.final if at <= before.end), default=0)
        head = max((block.number for at, block in chain.heads if at <= life.begin), default=0)
        lost = union(
            Interval(life.begin, min(during.end, life.end))
            for during, remembered in chain.remembered
            if life.begin in during and head - remembered > read + 1
        )
        args = (case, "monitor_started_blind", chain.name, lost, calm, LOSS_SAID_WITHIN)
        yield from must_be_open(*args, "what is lost is told of")


def backups(case: Case) -> Iterator[Finding]:
    """Backups are off: nothing can be wrong with them."""
    for opening in case.openings("backup_failed"):
        yield Finding(opening.at, Wrong.FALSE, "no backups", opening.subject, "there are no backups")
