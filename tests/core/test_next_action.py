"""What a coverer does next: cover, look at the head, or sleep."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.coverage import (
    Aim,
    Cover,
    CoverAction,
    Coverage,
    CoverSituation,
    LookAtHead,
    Sleep,
    begin,
    next_action,
)
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp


def block(number: int) -> BlockRef:
    """A block that is stamped with its own number."""
    return BlockRef(BlockNumber(number), Hash32(bytes(32)), Timestamp(number))


AT_REST = CoverSituation(
    coverage=Coverage(BlockNumber(0), BlockNumber(5), block(10)),
    head=block(10),
    head_doubted=False,
    failed=None,
    confirmed=True,
    until_confirm=30.0,
    settling_due=False,
    reorg_hinted=False,
    awaited=None,
    pushes=True,
)
"""Everything up to the head is covered, and nothing is due for half a minute."""


def after(**changes: object) -> CoverAction:
    return next_action(replace(AT_REST, **changes))  # type: ignore[arg-type]


def test_at_rest_it_sleeps_until_the_next_confirming_cover() -> None:
    assert after() == Sleep(30.0)


def test_a_pushed_head_alone_is_no_reason_to_cover() -> None:
    assert after(head=block(11)) == Sleep(30.0)


def test_without_pushes_every_new_head_is_covered() -> None:
    assert after(head=block(11), pushes=False) == Cover(Aim.ADVANCE)
    assert after(pushes=False) == Sleep(30.0)


def test_an_awaited_instant_is_covered_once_the_head_has_passed_it() -> None:
    assert after(head=block(12), awaited=Timestamp(12)) == Sleep(30.0)
    assert after(head=block(13), awaited=Timestamp(12)) == Cover(Aim.ADVANCE)


def test_the_first_block_to_watch_is_covered_as_soon_as_it_comes() -> None:
    fresh = begin(BlockNumber(11))
    assert after(coverage=fresh) == Sleep(30.0)
    assert after(coverage=fresh, head=block(11)) == Cover(Aim.ADVANCE)


def test_a_calm_interval_ends_in_a_confirming_cover() -> None:
    assert after(until_confirm=0.0) == Cover(Aim.CONFIRM, settles=False)
    assert after(until_confirm=-1.0, settling_due=True) == Cover(Aim.CONFIRM, settles=True)


def test_a_new_endpoint_confirms_first() -> None:
    assert after(confirmed=False) == Cover(Aim.CONFIRM, settles=False)


def test_a_hint_of_a_reorg_confirms_and_settles_at_once() -> None:
    assert after(reorg_hinted=True) == Cover(Aim.CONFIRM, settles=True)


def test_a_failed_cover_is_done_again_after_a_look_at_the_head() -> None:
    failed = Cover(Aim.ADVANCE)
    assert after(failed=failed, head_doubted=True) == LookAtHead()
    assert after(failed=failed) == failed


def test_an_unknown_head_is_asked_for_before_anything_is_covered() -> None:
    assert after(head=None, until_confirm=0.0) == LookAtHead()
    assert after(head=None, failed=Cover(Aim.CONFIRM)) == LookAtHead()
    assert after(head=None) == Sleep(30.0)


situations = st.builds(
    CoverSituation,
    coverage=st.sampled_from([AT_REST.coverage, begin(BlockNumber(11))]),
    head=st.none() | st.integers(0, 20).map(block),
    head_doubted=st.booleans(),
    failed=st.none() | st.builds(Cover, st.sampled_from(Aim), st.booleans()),
    confirmed=st.booleans(),
    until_confirm=st.floats(-100, 100),
    settling_due=st.booleans(),
    reorg_hinted=st.booleans(),
    awaited=st.none() | st.integers(0, 20).map(Timestamp),
    pushes=st.booleans(),
)


@given(situations)
def test_it_never_sleeps_over_something_due_nor_covers_without_a_head(now: CoverSituation) -> None:
    action = next_action(now)
    due = now.failed is not None or now.reorg_hinted or not now.confirmed or now.until_confirm <= 0
    assert not (isinstance(action, Sleep) and due)
    assert not (isinstance(action, Cover) and now.head is None)
    if isinstance(action, Sleep):
        assert action.seconds == now.until_confirm
