"""What is told of a balance hangs on what stands at its last blocks, and on nothing that was seen before."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.core.router_liquidity import BalanceLook, LiquidityRuling, rule_liquidity

_LOOKS = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), max_size=8)
"""At which block it was looked, whether the balance was low, and whether the look before still stood."""


def heard_after(looks: list[tuple[int, bool, bool]], known: bool) -> bool:
    """Whether people are told of a low balance after these looks."""
    before: BalanceLook | None = None
    for number, low, stands in looks:
        look = BalanceLook(BlockRef(BlockNumber(number), Hash32(bytes(32)), Timestamp(number)), low)
        ruling = rule_liquidity(known, before, look, stands)
        before = look if ruling is LiquidityRuling.SEEN_ONCE else None
        known = {LiquidityRuling.LOW: True, LiquidityRuling.REFILLED: False}.get(ruling, known)
    return known


@given(_LOOKS, st.booleans(), st.booleans())
def test_whatever_was_seen_before_two_looks_alike_decide(
    looks: list[tuple[int, bool, bool]], known: bool, low: bool
) -> None:
    assert heard_after([*looks, (10, low, True), (11, low, True)], known) is low


@given(_LOOKS, st.booleans(), st.booleans())
def test_one_look_alone_changes_nothing_after_one_that_agrees(
    looks: list[tuple[int, bool, bool]], known: bool, low: bool
) -> None:
    agreed = [*looks, (10, low, True), (11, low, True), (12, low, True)]
    assert heard_after([*agreed, (13, not low, True), (14, low, True), (15, not low, True)], known) is low
    assert heard_after([*agreed, (13, not low, True), (14, not low, False)], known) is low
    assert heard_after([*agreed, (13, not low, True), (13, not low, True)], known) is low
