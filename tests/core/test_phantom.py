"""What an origin's nonces say of a delivery whose XCalled nobody has seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.coverage import Nonces
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.phantom import PhantomVerdict, judge_delivery

# Watched from nonce 10 on; 10 to 14 were seen, 15 to 19 are missing, 20 is the next that will be given.
NONCES = Nonces(10, 15, 20)
CHECKPOINT = BlockNumber(100)


@pytest.mark.parametrize(
    ("nonce", "holder", "settled", "verdict"),
    [
        (9, 50, True, PhantomVerdict.BEFORE_WATCH),
        (10, 50, True, PhantomVerdict.HELD),
        (14, 100, True, PhantomVerdict.HELD),
        (14, 101, True, PhantomVerdict.NOT_FINAL),
        (14, None, True, PhantomVerdict.NOT_FINAL),
        (15, None, True, PhantomVerdict.HOLE),
        (19, None, True, PhantomVerdict.HOLE),
        (20, None, True, PhantomVerdict.NOT_REACHED),
        (20, None, False, PhantomVerdict.NOT_FINAL),
        (2**60, None, True, PhantomVerdict.NOT_REACHED),
    ],
)
def test_each_nonce_has_its_verdict(nonce: int, holder: int | None, settled: bool, verdict: PhantomVerdict) -> None:
    block = None if holder is None else BlockNumber(holder)
    assert judge_delivery(nonce, NONCES, block, CHECKPOINT, settled=settled) is verdict


@given(st.integers(0, 30), st.none() | st.integers(0, 200), st.booleans())
def test_nobody_is_accused_by_what_was_not_watched(nonce: int, holder: int | None, settled: bool) -> None:
    block = None if holder is None else BlockNumber(holder)
    assert not judge_delivery(nonce, None, block, CHECKPOINT, settled=settled).accuses
    verdict = judge_delivery(nonce, NONCES, block, CHECKPOINT, settled=settled)
    if verdict.accuses:
        assert nonce >= NONCES.first
        assert nonce < NONCES.contiguous or nonce >= NONCES.next
