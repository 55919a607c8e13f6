"""The work goes to an instance only where that sees more, and not to and fro."""

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import BlockNumber
from connext_monitor.core.handover import Handover, HandoverTimes, OwnSight, StandbySight, Stays, decide, unseen_chains

TIMES = HandoverTimes(unobserved_after=100.0)
CHAINS = ("alpha", "beta", "gamma")
IN_SIGHT = OwnSight(BlockNumber(10), 1.0)
OUT_OF_SIGHT = OwnSight(BlockNumber(10), 71.0)
LOST_ALPHA = {"alpha": OUT_OF_SIGHT, "beta": IN_SIGHT}
SEES_BOTH = StandbySight("right", {"alpha": BlockNumber(11), "beta": BlockNumber(10)}, 1.0)

heads = st.integers(8, 12).map(BlockNumber)
own_sights = st.dictionaries(
    st.sampled_from(CHAINS),
    st.builds(OwnSight, st.none() | heads, st.sampled_from([0.0, 69.9, 70.0, 99.0, 500.0])),
    min_size=1,
)
standbys = st.lists(
    st.builds(
        StandbySight,
        st.sampled_from(["left", "middle", "right"]),
        st.dictionaries(st.sampled_from(CHAINS), heads),
        st.sampled_from([0.0, 25.0, 25.1, 1e6]),
    ),
    unique_by=lambda sight: sight.instance,
)


def test_a_lost_chain_is_left_to_who_sees_it() -> None:
    assert decide(LOST_ALPHA, [SEES_BOTH], None, TIMES) == Handover("right", ("alpha",))


def test_who_sees_most_is_preferred_and_then_the_first_by_name() -> None:
    own = {"alpha": OUT_OF_SIGHT, "beta": OUT_OF_SIGHT}
    sees_one = replace(SEES_BOTH, instance="a", heads={"alpha": BlockNumber(11)})
    others = [sees_one, replace(SEES_BOTH, instance="z", heads={"alpha": BlockNumber(11), "beta": BlockNumber(11)})]
    assert decide(own, others, None, TIMES) == Handover("z", ("alpha", "beta"))
    assert decide(LOST_ALPHA, [SEES_BOTH, replace(SEES_BOTH, instance="left")], None, TIMES) == Handover(
        "left", ("alpha",)
    )


def test_a_chain_that_stands_still_is_seen_by_nobody_more() -> None:
    stands = replace(SEES_BOTH, heads={"alpha": BlockNumber(10), "beta": BlockNumber(10)})
    assert decide(LOST_ALPHA, [stands], None, TIMES) is Stays.NOBODY_SEES_MORE


def test_who_sees_another_chain_instead_does_not_see_more() -> None:
    assert decide(LOST_ALPHA, [replace(SEES_BOTH, heads={"alpha": BlockNumber(11)})], None, TIMES) is (
        Stays.NOBODY_SEES_MORE
    )


def test_an_old_look_does_not_count() -> None:
    assert decide(LOST_ALPHA, [replace(SEES_BOTH, age=25.1)], None, TIMES) is Stays.NOBODY_SEES_MORE


def test_within_the_hold_down_the_work_stays() -> None:
    assert decide(LOST_ALPHA, [SEES_BOTH], TIMES.hold_down - 0.1, TIMES) is Stays.HANDED_OVER_LATELY
    assert isinstance(decide(LOST_ALPHA, [SEES_BOTH], TIMES.hold_down, TIMES), Handover)


def test_a_chain_at_rest_is_in_sight() -> None:
    # Its head is covered at least as often as every half of the time after which it is out of sight.
    assert unseen_chains({"alpha": OwnSight(BlockNumber(10), 60.0)}, TIMES) == set()


@given(own_sights, standbys)
def test_the_work_goes_only_to_who_sees_all_that_and_more(own: dict[str, OwnSight], others: list[StandbySight]) -> None:
    decision = decide(own, others, None, TIMES)
    unseen = {name for name, sight in own.items() if sight.silent_for >= 70.0}

    def sees_more(other: StandbySight) -> bool:
        seen = {name for name in other.heads if name in own}
        gained = {name for name in seen & unseen if other.heads[name] > (own[name].covered or -1)}
        return other.age <= 25.0 and seen | unseen == own.keys() and bool(gained)

    better = {other.instance for other in others if sees_more(other)}
    if isinstance(decision, Handover):
        assert decision.to in better
        assert set(decision.unseen) <= unseen
    else:
        assert not better
        assert decision is (Stays.NOBODY_SEES_MORE if unseen else Stays.SEES_ALL)


@dataclass
class Cluster:
    """Two instances whose sight of one chain comes and goes; the owner decides every second, as it sees them."""

    owner: int = 0
    now: float = 0.0
    silent_since: float = 0.0
    handed_over_at: list[float] = field(default_factory=list)
    longest_unseen: float = 0.0

    def second(self, seen_by: tuple[bool, bool]) -> None:
        self.now += 1
        if seen_by[self.owner]:
            self.silent_since = self.now
        other = 1 - self.owner
        look = StandbySight(str(other), {"alpha": BlockNumber(11)} if seen_by[other] else {}, 0.0)
        since = self.now - self.handed_over_at[-1] if self.handed_over_at else None
        own = {"alpha": OwnSight(BlockNumber(10), self.now - self.silent_since)}
        self.longest_unseen = max(self.longest_unseen, self.now - self.silent_since)
        if isinstance(decide(own, [look], since, TIMES), Handover):
            assert seen_by[other]
            assert not seen_by[self.owner]
            self.handed_over_at.append(self.now)
            self.owner, self.silent_since = other, self.now


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 400)), min_size=1, max_size=12))
def test_instances_whose_sight_flaps_do_not_pass_the_work_to_and_fro(changes: list[tuple[bool, bool, int]]) -> None:
    cluster = Cluster()
    for left, right, seconds in changes:
        for _ in range(seconds):
            cluster.second((left, right))
    gaps = [after - before for before, after in zip(cluster.handed_over_at, cluster.handed_over_at[1:], strict=False)]
    assert all(gap >= TIMES.hold_down for gap in gaps)


def test_where_both_are_blind_the_chain_is_out_of_sight_as_ever() -> None:
    cluster = Cluster()
    for _ in range(1000):
        cluster.second((False, False))
    assert cluster.handed_over_at == []
    assert cluster.longest_unseen == 1000.0
