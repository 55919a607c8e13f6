from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.hindrance import Hindrance, Obstacle, hindrance
from connext_monitor.core.unjudged import (
    PastDue,
    Unjudged,
    UnjudgedBacklog,
    UnjudgedCount,
    backlog_words,
    combined,
    why_degraded,
)

PATIENCE = 120.0
REFUSED = Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered")
DUE = Timestamp(1_000_000)
HERE, ELSEWHERE = DomainId(1), DomainId(2)


def ripe_after(*noted: tuple[float, int]) -> int:
    past_due = PastDue(PATIENCE)
    for at, instant in noted:
        past_due.note(at, instant)
    return past_due.ripe


def every_five_seconds(until: float, *, ahead: int = 0) -> list[tuple[float, int]]:
    return [(at, 1000 + at + ahead) for at in range(0, int(until) + 1, 5)]


def test_nothing_is_ripe_before_the_patience_has_passed() -> None:
    assert ripe_after(*every_five_seconds(115)) == 0
    assert ripe_after(*every_five_seconds(120)) == 1000
    assert ripe_after(*every_five_seconds(300)) == 1180


def test_setting_the_clock_forward_makes_nothing_ripe() -> None:
    jumped = [*every_five_seconds(120), *((at, 5000 + at) for at in range(125, 240, 5))]
    assert max(ripe_after(*jumped[: n + 1]) for n in range(len(jumped))) < 2000
    assert ripe_after(*jumped, *((at, 5000 + at) for at in range(240, 250, 5))) >= 5000


def test_after_setting_the_clock_back_its_time_counts() -> None:
    assert ripe_after(*every_five_seconds(120), (125, 400)) == 400


def test_of_a_gap_of_our_own_only_a_part_counts() -> None:
    stopped = [*every_five_seconds(60), (4000, 5000)]
    assert ripe_after(*stopped) == 0
    assert ripe_after(*stopped, *((at, 1000 + at) for at in range(4005, 4026, 5))) == 0
    assert ripe_after(*stopped, *((at, 1000 + at) for at in range(4005, 4031, 5))) == 1000


def test_where_each_look_takes_long_there_is_an_end_too() -> None:
    assert ripe_after(*((at, 1000 + at) for at in range(0, 300, 100))) == 0
    assert ripe_after(*((at, 1000 + at) for at in range(0, 401, 100))) == 1000


@given(st.lists(st.tuples(st.floats(0.1, 2 * PATIENCE), st.integers(0, 2**40)), min_size=1, max_size=60))
def test_what_is_ripe_was_past_due_at_every_look(steps: list[tuple[float, int]]) -> None:
    past_due, at, noted = PastDue(PATIENCE), 0.0, []
    for step, instant in steps:
        at += step
        noted.append((at, instant))
        past_due.note(at, instant)
        if past_due.ripe:
            assert noted[0][0] <= at - PATIENCE
            assert past_due.ripe <= min(instant for when, instant in noted if when >= at - PATIENCE)


def counted(*, past_due: int = 1, aged: int = 0, ripe: int = 0) -> UnjudgedCount:
    return UnjudgedCount(past_due, aged, ripe, DUE)


@given(st.booleans())
def test_it_begins_with_a_ripe_leg_only(hindered: bool) -> None:
    begins = UnjudgedBacklog(PATIENCE)
    assert not begins.counts(None, 0.0, blamed=HERE, standing=False, hindered=hindered)
    assert not begins.counts(counted(aged=1), 5.0, blamed=HERE, standing=False, hindered=hindered)
    ripe = [
        begins.counts(counted(aged=1, ripe=1), at, blamed=HERE, standing=False, hindered=hindered)
        for at in (10.0, 15.0, 20.0)
    ]
    assert ripe == [False, False, True]


def test_a_leg_ripe_when_read_has_time_to_be_judged() -> None:
    begins = UnjudgedBacklog(PATIENCE)
    counts = [(0.0, counted(aged=1, ripe=1)), (5.0, None), (10.0, counted(aged=1, ripe=1)), (15.0, None)]
    assert not any(begins.counts(count, at, blamed=HERE, standing=False, hindered=False) for at, count in counts)
    assert not begins.ripens


def test_what_another_chain_kept_waiting_has_time_to_be_judged() -> None:
    waits, ripe = UnjudgedBacklog(PATIENCE), counted(aged=1, ripe=1)
    looks = [(0.0, ELSEWHERE), (10.0, ELSEWHERE), (600.0, HERE), (605.0, HERE), (610.0, ELSEWHERE), (615.0, HERE)]
    counts = [waits.counts(ripe, at, blamed=blamed, standing=False, hindered=True) for at, blamed in looks]
    assert counts == [False, True, False, False, True, True]


def waited_before_a_restart() -> UnjudgedBacklog:
    """Nothing stands, and the chain had been covered until 1000 s after DUE."""
    made = UnjudgedBacklog(PATIENCE)
    made.recall(Timestamp(DUE + 1000))
    return made


def test_what_waited_before_a_restart_waits_on() -> None:
    waits = waited_before_a_restart()
    assert waits.marks(0.0, DUE + 5000).ripe == DUE + 1000 - PATIENCE
    assert not waits.counts(counted(ripe=1), 0.0, blamed=HERE, standing=False, hindered=True, met=True)
    assert waits.ripens
    waits.marks(10.0, DUE + 5010)
    assert waits.counts(counted(ripe=1), 10.0, blamed=HERE, standing=False, hindered=True, met=True)


def test_what_waited_before_counts_only_where_something_is_met_again() -> None:
    waits = waited_before_a_restart()
    for at in range(0, 130, 5):
        met = at in {40, 45, 55, 60}
        waits.marks(at, DUE + 5000 + at)
        assert not waits.counts(counted(ripe=1), at, blamed=HERE, standing=False, hindered=met, met=met)
    assert waits.marks(130, DUE + 5130).ripe == DUE + 5010
    assert waits.counts(counted(ripe=1), 130, blamed=HERE, standing=False, hindered=False)


@given(st.booleans())
def test_where_it_stood_a_ripe_leg_counts_at_once(hindered: bool) -> None:
    assert not UnjudgedBacklog(PATIENCE).counts(None, 0.0, blamed=HERE, standing=True, hindered=hindered)
    assert UnjudgedBacklog(PATIENCE).counts(counted(aged=1, ripe=1), 0.0, blamed=HERE, standing=True, hindered=hindered)


def test_it_lasts_while_a_leg_is_aged_or_hindered() -> None:
    assert UnjudgedBacklog(PATIENCE).counts(counted(aged=1), 0.0, blamed=HERE, standing=True, hindered=False)
    assert UnjudgedBacklog(PATIENCE).counts(counted(), 0.0, blamed=HERE, standing=True, hindered=True)
    assert not UnjudgedBacklog(PATIENCE).counts(counted(), 0.0, blamed=HERE, standing=True, hindered=False)


def why(kept: Hindrance | None = None, watermark: int | None = DUE + 1, **more: Any) -> Hindrance:
    at = None if watermark is None else Timestamp(watermark)
    known: dict[str, Any] = {"reads_history": False, "asked_for": None, "in_turn": 0, "trouble": None}
    return hindrance(kept, DUE, at, DUE + 86_400, **known | more)


def test_what_was_met_in_judging_comes_first() -> None:
    assert why(REFUSED, watermark=None) == REFUSED


def test_each_obstacle_has_its_words() -> None:
    assert why(watermark=None, trouble="node.example is asleep") == Hindrance(
        Obstacle.NOT_COVERED, "nothing of the chain has been covered since the start (node.example is asleep)"
    )
    assert why(watermark=DUE) == Hindrance(
        Obstacle.NOT_COVERED, "the last block that could be covered is stamped 1 d before our clock"
    )
    assert why(watermark=DUE - 3600, reads_history=True) == Hindrance(
        Obstacle.READS_HISTORY, "its past is still being read, and reading has reached 1 d 1 h before our clock"
    )
    assert why(asked_for=11.2) == Hindrance(
        Obstacle.NOT_ANSWERED, "transferStatus was asked 11 s ago and has not been answered yet"
    )
    assert why(watermark=DUE, asked_for=11.2).obstacle is Obstacle.NOT_COVERED
    assert why(asked_for=0.1, in_turn=12_000) == Hindrance(
        Obstacle.NOT_LOOKED_AT, "12,000 are being judged, one after the other, which takes a while"
    )
    assert why(asked_for=0.1, in_turn=1).words == "it is being judged now"
    assert why() == Hindrance(Obstacle.NOT_LOOKED_AT, "for no known reason; see the log")


def test_legs_and_deliveries_are_counted_together() -> None:
    legs, deliveries = Unjudged(2, 130, REFUSED), Unjudged(0, 500, REFUSED, 1)
    assert combined([legs, None]) == legs
    assert combined([None, deliveries]) == deliveries
    assert combined([None, None]) is None
    both = Unjudged(2, 500, REFUSED, 1)
    assert combined([legs, deliveries]) == both
    assert why_degraded("gnosis", both) == (
        "gnosis has 2 legs past due and 1 delivery without an origin that cannot be judged: "
        "transferStatus is not answered"
    )
    assert backlog_words(Unjudged(1, 130, REFUSED)) == "1 leg past due"
    assert backlog_words(Unjudged(0, 130, REFUSED, 1200)) == "1,200 deliveries without an origin"
