"""What routers of the config have on chains: when it must, may and must not be called low.

From `docs/api.md`: it is low once it was less than its minimum after two covered blocks in a row that both stand, and
refilled once it was not after two in a row.
"""

from collections.abc import Iterator

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import Intervals, minus, union
from tests.simulation.rules.overdue import JUDGED_WITHIN, remembers, reorg_seen_within, seen_within
from tests.simulation.rules.weather import ALWAYS, Case, must_be_open, must_be_over
from tests.simulation.trace import AlertChange, Interval
from tests.simulation.truth import BalanceTruth, ChainTruth

SAYING = {"RouterLiquidityAdded", "RouterLiquidityRemoved"}
KIND = "router_liquidity_low"
LOOKED_EVERY = 900.0
"""Seconds between two looks at balances, as simulated monitors are set."""


def liquidity(case: Case) -> Iterator[Finding]:
    """All that is wrong with what is said of routers' balances."""
    subjects = {balance.subject: balance for balance in case.truth.balances}
    for opening in case.openings(KIND):
        balance = subjects.get(opening.subject)
        words = "nobody watches it" if balance is None else _why_false(case, balance, opening)
        if words:
            yield Finding(opening.at, Wrong.FALSE, "only low balances", opening.subject, words)
    for balance in case.truth.balances:
        chain = case.truth.by_domain[balance.domain]
        # The block that is covered may be as old as the last cover when it is asked about; the next one confirms it.
        confirmed = reorg_seen_within(chain) + seen_within(chain) + chain.block_time
        looked = LOOKED_EVERY + case.covered_every
        low, calm = _low(chain, balance), case.calm((balance.domain,))
        for interval in low:
            within = confirmed + 2 * JUDGED_WITHIN + (0.0 if _is_said(case, balance, interval.begin) else looked)
            args = (case, KIND, balance.subject, (interval,), calm, within)
            yield from must_be_open(*args, "low balances are told of")
        for interval in minus(ALWAYS, low):
            within = confirmed + 2 * JUDGED_WITHIN + (0.0 if _is_said(case, balance, interval.begin) else looked)
            args = (case, KIND, balance.subject, (interval,), calm, within)
            yield from must_be_over(*args, "what is refilled is not low")


def _is_said(case: Case, balance: BalanceTruth, at: float) -> bool:
    """Whether a transaction said so of the change that a block brought then: such a block is covered at once."""
    return any(
        said.domain == balance.domain
        and SAYING.intersection(said.says)
        and any(s.during.begin == at for s in said.standing)
        for said in case.truth.bridge
    )


def _low(chain: ChainTruth, balance: BalanceTruth) -> Intervals:
    """When the newest block was one after which it was low."""
    heads = chain.heads
    ends = [*(at for at, _ in heads[1:]), float("inf")]
    return union(
        Interval(at, end) for (at, head), end in zip(heads, ends, strict=True) if head.hash in balance.low_after
    )


def _why_false(case: Case, balance: BalanceTruth, opening: AlertChange) -> str | None:
    """What is wrong with an opening, if anything: two blocks that stood lately must show it."""
    chain = case.truth.by_domain[balance.domain]
    since = remembers(case, opening.at, balance.domain).begin - case.covered_every
    heads = chain.heads
    ends = [*(at for at, _ in heads[1:]), float("inf")]
    seen = [
        head.hash
        for (at, head), end in zip(heads, ends, strict=True)
        if at <= opening.at and end > since and head.hash in balance.low_after
    ]
    return None if len(seen) > 1 else f"it was low after {len(seen)} of the last blocks"
