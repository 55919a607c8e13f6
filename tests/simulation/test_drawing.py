from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from functools import cache
from math import ceil, inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.alerts.table import KINDS
from tests.simulation import drawing, drawn_acts, drawn_routers, drawn_slow
from tests.simulation.drawing import draw
from tests.simulation.drawn_batches import draw_batches
from tests.simulation.drawn_troubles import OMISSIONS
from tests.simulation.sayings import OF_ITS_OWN, Pause, Saying
from tests.simulation.story import Deed, EndpointFault, Fate, Story, from_json, to_json
from tests.simulation.troubles import ChannelTrouble, EndpointTrouble, KillManner
from tests.simulation.world import World
from tests.world.examples import examples

seeds = st.integers(0, 2**32)
LISTS = tuple(field.name for field in fields(Story) if "tuple" in str(field.type))


@cache
def many_stories() -> list[Story]:
    return [draw(seed, 2.0) for seed in range(60)]


@examples(30)
@given(seeds)
def test_the_same_seed_is_the_same_story_and_json_keeps_it(seed: int) -> None:
    drawn = draw(seed, 1.0)
    assert to_json(drawn) == to_json(draw(seed, 1.0))
    assert from_json(to_json(drawn)) == drawn


def test_other_seeds_are_other_stories() -> None:
    assert len({to_json(draw(seed, 0.1)) for seed in range(20)}) == 20


@examples(30)
@given(seeds)
def test_nothing_goes_wrong_at_the_quiet_end(seed: int) -> None:
    drawn = draw(seed, 1.0)
    wrong = [
        element
        for name in LISTS
        if name not in ("chains", "channels", "transfers", "routers")
        for element in getattr(drawn, name)
    ]
    ends = [each.at + getattr(each, "seconds", 0.0) + getattr(each, "down_for", 0.0) for each in wrong]
    assert max(ends, default=0.0) < drawn.quiet_from
    assert drawn.seconds - drawn.quiet_from > drawn.deadlines.reconcile
    assert all(element.at >= 0 for element in wrong if not isinstance(element, Pause))


@examples(30)
@given(seeds)
def test_an_endpoint_that_leaves_out_has_another_beside_it(seed: int) -> None:
    drawn = draw(seed, 3.0)
    for fault in drawn.endpoint_faults:
        if fault.trouble in OMISSIONS:
            ailing = {
                other.endpoint
                for other in drawn.endpoint_faults
                if other.domain == fault.domain
                and other.at < fault.at + fault.seconds
                and fault.at < other.at + other.seconds
            }
            chain = next(chain for chain in drawn.chains if chain.domain == fault.domain)
            assert len(ailing) < len(chain.endpoints)


@pytest.mark.parametrize(
    ("elements", "choice", "choices"),
    [
        ("transfers", "deed", Deed),
        ("transfers", "fast", (False, True)),
        ("reorgs", "fate", Fate),
        ("reorgs", "deep", (False, True)),
        ("endpoint_faults", "trouble", EndpointTrouble),
        ("channel_faults", "trouble", ChannelTrouble),
        ("kills", "manner", KillManner),
    ],
)
def test_every_choice_is_drawn_by_some_seeds(elements: str, choice: str, choices: Iterable[object]) -> None:
    drawn = {getattr(each, choice) for story in many_stories() for each in getattr(story, elements)}
    assert drawn == set(choices)


def test_some_stories_have_more_chains_and_some_a_trouble_of_each_kind() -> None:
    assert {len(drawn.chains) for drawn in many_stories()} == {2, 3, 4, 5}
    # People act, and routers are named, only in stories of later seeds.
    never = {name for name in LISTS if not any(getattr(drawn, name) for drawn in many_stories())}
    assert never == {"acts", "routers", "liquidity"}


@examples(30)
@given(seeds, st.integers(0, 2**32))
def test_whatever_is_left_out_the_rest_still_is_a_story(seed: int, leaving_out: int) -> None:
    random = Random(leaving_out)  # noqa: S311
    drawn = draw(seed, 0.2)
    kept = {name: tuple(each for each in getattr(drawn, name) if random.random() < 0.6) for name in LISTS}
    shrunk = replace(drawn, **kept | {"chains": kept["chains"] or drawn.chains[:1]})
    World(shrunk).advance(shrunk.seconds)


def test_some_stories_have_another_instance_beside_what_they_have_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    with_standby = [drawn for drawn in many_stories() if drawn.standbys]
    assert 3 <= len(with_standby) <= 20
    shorter = [draw(seed, 0.3) for seed in range(150)]
    for elements in ("kills", "suspensions", "clock_steps", "disk_faults"):
        instances = {each.instance for drawn in shorter for each in getattr(drawn, elements)}
        assert instances == {0, 1}
    monkeypatch.setattr(drawing, "draw_standby", lambda story: story)
    for drawn in with_standby:
        alone = draw(drawn.seed, 2.0)
        for name in set(LISTS) - {"standbys"}:
            assert set(getattr(alone, name)) <= set(getattr(drawn, name))


def test_bridges_say_everything_and_some_are_paused_at_the_start() -> None:
    said = {says for drawn in many_stories() for change in drawn.bridge_changes for says in change.says}
    assert said == set(Saying) - OF_ITS_OWN
    assert any(pause.at < 0 for drawn in many_stories() for pause in drawn.pauses)
    assert any(not drawn.bridge_changes for drawn in many_stories())


def test_people_act_in_some_stories_and_in_none_drawn_before_they_could() -> None:
    stories = [draw(drawn_acts.FIRST_SEED + number, 1.0) for number in range(60)]
    acts = [act for drawn in stories for act in drawn.acts]
    assert 10 < sum(bool(drawn.acts) for drawn in stories) < 30
    assert {act.acknowledges for act in acts} == {act.ended_after is None for act in acts} == {True, False}
    assert all(act.kind in KINDS and act.origin is act.destination is None for act in acts)
    assert [drawn for drawn in many_stories() if drawn.acts] == []


def test_people_silence_pathways_only_in_the_newest_stories() -> None:
    drawn = [draw(drawn_acts.FIRST_SEED_WITH_PATHWAYS + number, 1.0) for number in range(60)]
    silences = [act for story in drawn for act in story.acts if not act.acknowledges]
    ends = {(act.origin is not None, act.destination is not None) for act in silences}
    assert ends == {(True, False), (False, True), (True, True), (False, False)}
    assert {act.kind is None for act in silences if act.origin or act.destination} == {True, False}
    assert any((act.kind, act.origin, act.destination) == (None, None, None) for act in silences)
    domains = {story.seed: {chain.domain for chain in story.chains} for story in drawn}
    assert all({act.origin, act.destination} - {None} <= domains[story.seed] for story in drawn for act in story.acts)


def test_routers_are_named_only_in_the_newest_stories() -> None:
    assert [drawn for drawn in many_stories() if drawn.routers or drawn.liquidity] == []
    stories = [draw(drawn_routers.FIRST_SEED + number, 1.0) for number in range(60)]
    assert 10 < sum(bool(drawn.routers) for drawn in stories) < 30
    assert {len(drawn.routers) for drawn in stories} == {0, 1, 2}
    changes = [change for drawn in stories for change in drawn.liquidity]
    assert {change.says for change in changes} == {change.tokens > 0 for change in changes} == {True, False}
    assert all(change.at < drawn.quiet_from for drawn in stories for change in drawn.liquidity)


def test_routers_share_what_there_is_to_fill_only_in_the_newest_stories() -> None:
    first, later = drawn_routers.FIRST_SEED, drawn_routers.FIRST_SEED_WITH_SILENCE
    before, stories = ([draw(begin + number, 1.0) for number in range(60)] for begin in (first, later))
    assert {router.silent_after for drawn in before for router in drawn.routers} == {0.0}
    assert {each.router for drawn in before for each in drawn.transfers} == {0}
    watched = [router for drawn in stories for router in drawn.routers if router.silent_after]
    assert len({(router.silent_after, router.silent_transfers) for router in watched}) > 5
    assert {each.router for drawn in stories if len(drawn.routers) == 2 for each in drawn.transfers} == {0, 1, 9}
    assert all(router.silent_after <= (drawn.keep or 7200.0) for drawn in stories for router in drawn.routers)


def test_an_only_endpoint_is_slow_for_long_in_the_newest_stories() -> None:
    slow = [_slow_for_long(draw(drawn_slow.FIRST_SEED + number, 1.0)) for number in range(60)]
    assert 5 < sum(map(bool, slow)) < 20
    assert {fault.amount for faults in slow for fault in faults} >= {4.0, 6.0, 8.0, 9.0}
    assert [drawn for drawn in many_stories() if any(fault.amount == 9.0 for fault in _slow_for_long(drawn))] == []


def _slow_for_long(story: Story) -> list[EndpointFault]:
    lonely = {chain.domain for chain in story.chains if len(chain.endpoints) == 1}
    patience = 2 * story.deadlines.unobserved_after
    return [
        fault
        for fault in story.endpoint_faults
        if fault.trouble is EndpointTrouble.SLOW and fault.domain in lonely and fault.seconds > patience
    ]


def test_most_chains_reconcile_in_batches_and_some_transfers_always_come_alone() -> None:
    stories = [drawing.draw_minutes(seed, 2.0) for seed in range(20)]
    at_once = [_reconciled_at_once(drawn) for drawn in stories]
    # In batches many come with others of the same block; without, next to none do.
    shares = [sum(count > 1 for count in of.values()) / len(of) for drawn in at_once for of in drawn.values()]
    assert 20 < sum(share > 0.5 for share in shares) < 38
    assert all(share > 0.5 or share < 0.1 for share in shares)
    assert all(min(of.values()) == 1 for drawn in at_once for of in drawn.values())
    late = [
        each
        for drawn in stories
        for each in drawn.transfers
        if (each.reconciled_after or 0) > drawn.deadlines.reconcile
    ]
    assert len(late) > 100


@examples(30)
@given(seeds)
def test_batches_change_nothing_but_when_legs_come(seed: int) -> None:
    drawn = draw(seed, 1.0)
    for before, after in zip(drawn.transfers, draw_batches(drawn).transfers, strict=True):
        same = replace(before, reconciled_after=after.reconciled_after, executed_after=after.executed_after)
        assert after == same
        assert (after.reconciled_after is None, after.executed_after is None) == (
            before.reconciled_after is None,
            before.executed_after is None,
        )
        deadline = drawn.deadlines.reconcile
        assert ((before.reconciled_after or 0) > deadline) == ((after.reconciled_after or 0) > deadline)
        if before.executed_after is not None and before.executed_after > (before.reconciled_after or inf):
            waited = before.executed_after - (before.reconciled_after or 0)
            assert after.executed_after == pytest.approx((after.reconciled_after or 0) + waited, abs=0.11)


def _reconciled_at_once(story: Story) -> dict[int, Counter[float]]:
    """How many transfers of each chain are reconciled at about the same instant, in minutes."""
    ages = {chain.domain: chain.age for chain in story.chains}
    counts: dict[int, Counter[float]] = {domain: Counter() for domain in ages}
    for each in story.transfers:
        if each.reconciled_after is not None and {each.origin, each.destination} <= ages.keys():
            called = ceil((each.at + ages[each.origin]) / 60.0) * 60.0 - ages[each.origin]
            counts[each.destination][round((called + each.reconciled_after) / 6.0)] += 1
    return counts
