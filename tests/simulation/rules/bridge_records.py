"""What diamonds have said besides transfers is recorded as it stands (promises 1 to 4)."""

from collections import Counter
from collections.abc import Iterator

from tests.simulation.findings import Finding, Wrong
from tests.simulation.intervals import meets
from tests.simulation.rules.records import ends_quietly, rests_from
from tests.simulation.rules.weather import Case
from tests.simulation.trace import Interval
from tests.simulation.truth import ChainTruth, Standing

_RULE = "records are the truth"


def bridge_records(case: Case) -> Iterator[Finding]:
    """All that differs at the end; nothing is said of a run that does not end quietly."""
    if not ends_quietly(case):
        return
    starts = {chain.name: chain.start for chain in case.trace.chains}
    recorded = Counter((seen.chain, seen.tx_hash, seen.block_hash, seen.says) for seen in case.trace.bridge)
    for tx in case.truth.bridge:
        chain = case.truth.by_domain[tx.domain]
        for standing in tx.standing:
            for says, times in Counter(tx.says).items():
                times_seen = recorded.pop((chain.name, tx.tx_hash, standing.where.block_hash, says), 0)
                least, most = _bounds(case, chain, standing, times, starts.get(chain.name, 0))
                if not least <= times_seen <= most:
                    words = f"{says} of {tx.tx_hash} is recorded {times_seen} times"
                    yield Finding(case.end, Wrong.DIFFERS, _RULE, chain.name, words)
    for (name, tx_hash, _, says), times in recorded.items():
        words = f"{says} of {tx_hash} is recorded {times} times where it never stood"
        yield Finding(case.end, Wrong.DIFFERS, _RULE, name, words)


def _bounds(case: Case, chain: ChainTruth, standing: Standing, times: int, start: int) -> tuple[int, int]:
    """How often something is recorded at least and at most that a transaction said so many times in a block.

    What an endpoint cut short when its block was read is no reason to read that again; nor is what was lost.
    """
    since = rests_from(case)
    during = standing.during
    stands = during.begin <= since and during.end > case.end and standing.where.block_number >= start
    unread = chain.name in case.lost or meets(chain.mangling, Interval(during.begin, case.end))
    gone = during.end <= since and chain.name not in case.lost
    return times if stands and not unread else 0, 0 if gone else times
