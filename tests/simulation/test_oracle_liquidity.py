"""Hand-made runs: what routers have on chains, and what is said of that."""

from dataclasses import replace

from tests.simulation.findings import Verdict, Wrong
from tests.simulation.handmade import BETA, block_hash, ended, opened, run, world
from tests.simulation.rules.liquidity import liquidity
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, Interval, Sighting
from tests.simulation.truth import BalanceTruth, BridgeTransaction, Standing, Truth

SUBJECT = "ours/beta/0xA5"
LOW = opened(1032.0, "router_liquidity_low", SUBJECT)


def low_from(first: int, last: int) -> Truth:
    """The router has too little after these blocks, one of each ten seconds."""
    hashes = frozenset(map(block_hash, range(first, last + 1)))
    return replace(world(), balances=(BalanceTruth(subject=SUBJECT, domain=BETA, low_after=hashes),))


def said(truth: Truth, at: float) -> Truth:
    """The same, where a transaction says what changed in the block of then."""
    where = Sighting(int(at / 10), block_hash(int(at / 10)), "0x01", 0)
    standing = (Standing(Interval(at, truth.seconds), where),)
    says = ("RouterLiquidityRemoved",)
    return replace(truth, bridge=(BridgeTransaction(domain=BETA, tx_hash="0x01", says=says, standing=standing),))


def wrong(truth: Truth, *changes: AlertChange) -> dict[Wrong, int]:
    verdict = Verdict.of(liquidity(Case(truth, run(*changes))))
    return {which: count for which, count in verdict.counts.items() if count}


def test_a_low_balance_must_be_told_of() -> None:
    truth = low_from(100, 250)
    assert wrong(truth, LOW, ended(LOW, 2530.0, "refilled")) == {}
    assert wrong(truth) == {Wrong.MISSED: 1}
    assert wrong(truth, replace(LOW, at=2300.0), ended(LOW, 2530.0, "refilled")) == {Wrong.LATE: 1}
    assert wrong(truth, LOW) == {Wrong.FALSE: 1}


def test_what_a_transaction_says_must_be_looked_at_at_once() -> None:
    truth, later = low_from(100, 250), replace(LOW, at=1500.0)
    over = ended(LOW, 2530.0, "refilled")
    assert wrong(truth, later, over) == {}
    assert wrong(said(truth, 1000.0), later, over) == {Wrong.LATE: 1}
    assert wrong(said(truth, 990.0), later, over) == {}


def test_one_low_block_alone_must_not_be_told_of() -> None:
    over = ended(LOW, 1045.0, "refilled")
    assert wrong(low_from(102, 103), LOW, over) == {}
    assert wrong(low_from(102, 102), LOW, over) == wrong(low_from(10, 20), LOW, over) == {Wrong.FALSE: 1}
    assert wrong(world(), LOW, over) == {Wrong.FALSE: 1}
