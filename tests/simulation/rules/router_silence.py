"""Routers of the config that fill nothing: when one may, must and must not be called silent.

From `docs/api.md`: it has executed nothing for ``silent_after``, up to an instant that all destinations are covered
past, while at least ``silent_transfers`` transfers sent meanwhile were executed without it, for each of which what it
has there now would have done.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, both, longer, meets, minus, union
from tests.simulation.rules.overdue import (
    HIDDEN_FOUND_WITHIN,
    JUDGED_WITHIN,
    OVER_WITHIN,
    lately,
    remembers,
    reorg_seen_within,
    seen_within,
)
from tests.simulation.rules.weather import ALWAYS, SETTLES, Case, must_be_open, must_be_over
from tests.simulation.trace import AlertChange, Interval
from tests.simulation.truth import (
    ChainTruth,
    RouterTruth,
    Standing,
    TransferTruth,
    stood_sometime,
    stood_throughout,
)

KIND = "router_silent"
LOOKED_EVERY = 300.0
"""Seconds between two looks, as simulated monitors are set."""


@dataclass(frozen=True)
class _Router:
    """A router, in one run; ``first`` are the blocks by chain from which on these are watched."""

    truth: RouterTruth
    case: Case
    first: dict[int, int]

    @cached_property
    def chains(self) -> tuple[ChainTruth, ...]:
        return self.case.truth.chains

    @cached_property
    def _its(self) -> list[TransferTruth]:
        watched = self.case.truth.by_domain
        return [
            transfer
            for transfer in self.case.truth.transfers
            if transfer.router == self.truth.number and transfer.destination in watched
        ]

    @cached_property
    def fills(self) -> list[tuple[int, Standing]]:
        """What it executed as it was sent, each with the chain."""
        return [(transfer.destination, standing) for transfer in self._its for standing in transfer.executed]

    @cached_property
    def may_have_filled(self) -> list[Standing]:
        """The same, and what it delivered otherwise than it was sent: who cannot tell takes that for a fill."""
        return [standing for transfer in self._its for standing in (*transfer.executed, *transfer.forged)]

    @cached_property
    def by_others(self) -> list[TransferTruth]:
        """Transfers between chains that are watched which it did not fill, and had something to fill."""
        watched = self.case.truth.by_domain
        return [
            transfer
            for transfer in self.case.truth.transfers
            if transfer.router != self.truth.number
            and transfer.delivered > 0
            and transfer.origin in watched
            and transfer.destination in watched
        ]

    @cached_property
    def watched_since(self) -> float:
        """The stamp from which on all chains are watched; infinite where one never was."""
        stamps = (
            min((b.timestamp for b in chain.blocks if b.number == self.first.get(chain.domain)), default=inf)
            for chain in self.chains
        )
        return max(stamps)

    def all_past(self, timestamp: float) -> Intervals:
        """When the newest block of each chain is stamped later than that."""
        past = ALWAYS
        for chain in self.chains:
            past = both(past, chain.past(timestamp))
        return past

    def had(self, domain: int, amount: int) -> Intervals:
        """When the newest block of a chain was one after which it had so many base units."""
        return union(during for during, tokens in self._holdings[domain] if tokens >= amount)

    def had_at_most(self, domain: int, during: Interval) -> int:
        """The most that it had on a chain meanwhile."""
        return max((has for when, has in self._holdings[domain] if meets((when,), during)), default=0)

    @cached_property
    def _holdings(self) -> dict[int, list[tuple[Interval, int]]]:
        return {chain.domain: list(_spans(chain, self.truth.has.__getitem__)) for chain in self.chains}


def router_silence(case: Case) -> Iterator[Finding]:
    """All that is wrong with what is said about silent routers."""
    by_name = case.truth.by_name
    first = {by_name[record.name].domain: record.start for record in case.trace.chains}
    routers = {truth.name: _Router(truth, case, first) for truth in case.truth.routers}
    for opening in case.openings(KIND):
        router = routers.get(opening.subject)
        words = "nobody wants to hear of it" if router is None else _why_false(router, opening)
        if words:
            yield Finding(opening.at, Wrong.FALSE, "only silent routers", opening.subject, words)
    for router in routers.values():
        yield from _must(router)
        yield from _must_not(router)
        yield from _wrong_ends(router)


def _spans(chain: ChainTruth, has: Callable[[str], int]) -> Iterator[tuple[Interval, int]]:
    """How much it had by the chain's newest block, and when that was so."""
    begin, amount = -inf, 0
    for at, head in chain.heads:
        if (now := has(head.hash)) != amount:
            yield Interval(begin, at), amount
            begin, amount = at, now
    yield Interval(begin, inf), amount


def _why_false(router: _Router, opening: AlertChange) -> str | None:
    """What is wrong with an opening, if anything, whatever the monitor may have seen of the chains lately.

    1. All chains must have been watched for ``silent_after``, by their own stamps.
    2. It must have executed nothing in that time that was there to be seen.
    3. Others must have executed enough of what was sent in that time, and of what it had enough for.
    """
    case, at = router.case, opening.at
    covered = min(max(block.timestamp for since, block in chain.heads if since <= at) for chain in router.chains)
    quiet_since = covered - router.truth.silent_after
    if router.watched_since > quiet_since and not case.lost:
        return "it has not been watched for so long"
    for domain, fill in router.fills:
        view = lately(case, at, domain)
        hidden = meets(case.unshown(case.truth.by_domain[domain]), Interval(view.begin - HIDDEN_FOUND_WITHIN, at))
        if not hidden and fill.where.timestamp > quiet_since and stood_throughout((fill,), view):
            return "it has filled something since"
    if meets(case.truth.clock_wrong, Interval(at - SETTLES, at)):
        return None
    # What was sent is compared with the time of day, a moment before the opening.
    sent_after = case.truth.epoch + at - router.truth.silent_after - SETTLES
    count = sum(_may_have_been_left(router, transfer, at, sent_after) for transfer in router.by_others)
    return None if count >= router.truth.silent_transfers else f"it could have filled {count} that others did"


def _may_have_been_left(router: _Router, transfer: TransferTruth, at: float, sent_after: float) -> bool:
    """Whether a transfer may have counted as executed by others that was sent after a stamp."""
    case = router.case
    remembered, view = remembers(case, at, transfer.origin), remembers(case, at, transfer.destination)
    recent = Interval(view.begin - case.covered_every, at)
    return (
        any(its.where.timestamp > sent_after and stood_sometime((its,), remembered) for its in transfer.xcalled)
        and stood_sometime((*transfer.executed, *transfer.forged), view)
        and transfer.delivered <= router.had_at_most(transfer.destination, recent)
    )


def _must(router: _Router) -> Iterator[Finding]:
    """Which router is silent for all to see must be called so."""
    case, truth = router.case, router.truth
    if case.lost or router.watched_since == inf:
        return
    filled = union(
        filling
        for fill in router.may_have_filled
        for filling in minus((fill.during,), router.all_past(fill.where.timestamp + truth.silent_after))
    )
    watched = router.all_past(router.watched_since + truth.silent_after)
    silent = minus(both(watched, _enough(router)), filled)
    # A look may find that not all is covered yet, and has it covered for the next one.
    within = max(map(reorg_seen_within, router.chains)) + 2 * LOOKED_EVERY + JUDGED_WITHIN
    calm = case.calm(chain.domain for chain in router.chains)
    yield from must_be_open(case, KIND, truth.name, silent, calm, within, "silent routers are told of")


def _enough(router: _Router) -> Intervals:
    """When enough of what others executed had been sent lately, and it had enough for each of these."""
    steps: list[tuple[float, int]] = []
    for transfer in router.by_others:
        for during in _left(router, transfer):
            steps += [(during.begin, 1), (during.end, -1)]
    return union(_where_at_least(sorted(steps), router.truth.silent_transfers))


def _left(router: _Router, transfer: TransferTruth) -> Intervals:
    """When a transfer counted as left to others by the newest blocks."""
    first = router.first.get(transfer.origin, 0)
    lately_sent = union(
        Interval(its.during.begin, min(its.during.end, its.where.timestamp - router.case.truth.epoch + after))
        for after in (router.truth.silent_after,)
        for its in transfer.xcalled
        if its.where.block_number >= first and its.during.begin < its.where.timestamp - router.case.truth.epoch + after
    )
    executed = union(its.during for its in transfer.executed)
    return both(both(lately_sent, executed), router.had(transfer.destination, transfer.delivered))


def _where_at_least(steps: Iterable[tuple[float, int]], least: int) -> Iterator[Interval]:
    """When a count that changes so is at least that, from one change to the next."""
    count, since = 0, -inf
    for at, by in steps:
        if count >= least and since < at:
            yield Interval(since, at)
        count, since = count + by, at


def _must_not(router: _Router) -> Iterator[Finding]:
    """Once it has filled something it is silent no longer."""
    case, rule = router.case, "an alert ends with its reason"
    shown = case.calm(chain.domain for chain in router.chains)
    for chain in router.chains:
        shown = minus(shown, longer(case.unshown(chain), HIDDEN_FOUND_WITHIN))
    within = max(map(seen_within, router.chains)) + case.covered_every + LOOKED_EVERY + OVER_WITHIN
    for during in case.open(KIND, router.truth.name):
        filled = union(fill.during for _, fill in router.fills if during.begin < fill.during.begin)
        yield from must_be_over(case, KIND, router.truth.name, filled, shown, within, rule, (during,))


def _wrong_ends(router: _Router) -> Iterator[Finding]:
    """Where it is said to fill again it must have filled something since it was silent."""
    case, opened_at = router.case, 0.0
    for change in case.changes.get((KIND, router.truth.name), ()):
        if change.resolution is None:
            opened_at = change.at
        elif change.resolution == "filling":
            since = opened_at - router.truth.silent_after - case.covered_every - SETTLES
            if not any(since < fill.during.begin <= change.at for fill in router.may_have_filled):
                words = "it is said to fill again, and has not"
                yield Finding(change.at, Wrong.FALSE, "an alert ends with its reason", router.truth.name, words)
