from bisect import bisect_left
from dataclasses import replace
from functools import cache
from itertools import pairwise
from random import randrange

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.bridge_events import decode_bridge_event
from connext_monitor.core.decoding import MalformedLog, broken_integrity, decode, transfer_id_of
from connext_monitor.core.events import Address, Executed, RawLog, Reconciled, XCalled
from connext_monitor.monitoring.chain_data import LogFilter, MalformedEntry
from connext_monitor.monitoring.read_chain_data import read_header, read_logs
from tests.simulation.drawing import draw
from tests.simulation.endpoint_view import EndpointView
from tests.simulation.facts import Event, Fact
from tests.simulation.small_worlds import HERE, POLLED, THERE, phantom, story, transfer
from tests.simulation.story import EPOCH, Deed, Fate, Reorg, Stall, StampError, Story
from tests.simulation.world import World
from tests.simulation.written_log import contract_of
from tests.world.examples import examples

seeds = st.integers(0, 2**32)
DAYS = 0.3
FIRST_SEED = randrange(2**32)  # noqa: S311 - a story's
UNCALLED = {Deed.PHANTOM, Deed.UNREADABLE}


def lived(story: Story, until: float | None = None) -> World:
    world = World(story)
    world.advance(story.seconds if until is None else until)
    return world


def standing(world: World, domain: int) -> list[Fact]:
    return world.ledger(domain).facts.standing(world.now)


def events(world: World, domain: int) -> list[Event]:
    return [fact.event for fact in standing(world, domain)]


# Any story


@cache
def story_of(seed: int) -> World:
    return lived(draw(seed, DAYS))


@pytest.fixture(params=range(10))
def world(request: pytest.FixtureRequest) -> World:
    """A story that has been lived to its end, for several tests to look at; other ones in each run."""
    seed = FIRST_SEED + int(request.param)
    request.node.add_report_section("setup", "story", f"seed {seed}")  # shown where the test fails
    return story_of(seed)


def test_parents_link_and_stamps_rise_on_every_fork(world: World) -> None:
    for ledger in world.ledgers.values():
        by_hash = {block.hash: block for block in ledger.facts.blocks}
        for block in ledger.facts.blocks[1:]:
            parent = by_hash[block.parent_hash]
            assert (parent.number, parent.timestamp < block.timestamp) == (block.number - 1, True)
        assert all(high.parent == low.hash for low, high in pairwise(ledger.blocks))


@examples(15)
@given(seeds)
def test_no_shallow_reorg_replaces_what_was_final(seed: int) -> None:
    drawn = draw(seed, DAYS)
    shallow = replace(drawn, reorgs=tuple(reorg for reorg in drawn.reorgs if not reorg.deep))
    for ledger in lived(shallow).ledgers.values():
        instants = [at for at, _ in ledger.facts.final]
        for block in ledger.facts.blocks:
            if block.until < float("inf"):
                called_final = [0, *(height for _, height in ledger.facts.final)][bisect_left(instants, block.until)]
                assert block.number > called_final


def test_the_nonces_that_stand_are_contiguous(world: World) -> None:
    for ledger in world.ledgers.values():
        nonces = [fact.nonce for fact in ledger.facts.standing(DAYS * 86_400) if fact.event is Event.XCALLED]
        assert nonces == list(range(ledger.traits.first_nonce, ledger.head.next_nonce))


def test_a_leg_stands_once_at_most_and_after_its_call(world: World) -> None:
    called = {
        fact.transfer_id: fact.since
        for ledger in world.ledgers.values()
        for fact in reversed(ledger.facts.facts)
        if fact.event is Event.XCALLED
    }
    for domain in world.ledgers:
        legs = [fact for fact in standing(world, domain) if fact.event not in {Event.XCALLED, Event.BESIDE}]
        assert len({(fact.transfer_id, fact.event) for fact in legs}) == len(legs)
        for fact in legs:
            if world.story.transfers[fact.transfer].deed not in UNCALLED and fact.origin in world.ledgers:
                assert called[fact.transfer_id] < fact.since


@examples(15)
@given(seeds)
def test_it_is_the_same_world_however_often_it_is_looked_at(seed: int) -> None:
    drawn = draw(seed, 0.1)
    once, often = World(drawn), World(drawn)
    once.advance(drawn.seconds)
    for step in range(0, int(drawn.seconds) + 1, 7):
        often.advance(float(step))
    often.advance(drawn.seconds)
    assert msgspec.json.encode(once.facts()) == msgspec.json.encode(often.facts())


def test_logs_and_headers_read_as_the_story_says(world: World) -> None:
    for ledger in world.ledgers.values():
        view = EndpointView(ledger, POLLED, ledger.head.number, 0)
        contract = contract_of(ledger.traits.domain)
        filtered = LogFilter(contract, [], 0, ledger.head.number)  # type: ignore[arg-type]
        raw_logs = list(read_logs(msgspec.Raw(view.answer("eth_getLogs", [filtered.params()])), filtered))
        facts = ledger.facts.standing(world.now)
        assert len(raw_logs) == len(facts)
        for raw, fact in zip(raw_logs, facts, strict=True):
            assert not isinstance(raw, MalformedEntry)
            check_log(raw, fact, contract)
        for block in ledger.with_logs_between(0, ledger.head.number):
            header = read_header(msgspec.Raw(ledger.header(block)))
            assert header is not None
            assert (header.number, header.hash, header.timestamp) == (block.number, block.hash, block.timestamp)


def check_log(raw: RawLog, fact: Fact, contract: Address) -> None:
    assert (raw.address, f"0x{raw.block_hash.hex()}") == (contract, fact.block_hash)
    assert (raw.block_number, raw.log_index, f"0x{raw.tx_hash.hex()}") == (
        fact.block_number,
        fact.log_index,
        fact.tx_hash,
    )
    if fact.event is Event.BESIDE:
        assert decode_bridge_event(raw).kind == fact.says
        return
    if fact.event is Event.UNREADABLE:
        with pytest.raises(MalformedLog):
            decode(raw)
        return
    event = decode(raw)
    kinds = {XCalled: Event.XCALLED, Executed: Event.EXECUTED, Reconciled: Event.RECONCILED}
    assert (f"0x{event.transfer_id.hex()}", kinds[type(event)]) == (fact.transfer_id, fact.event)
    assert (broken_integrity(event, raw) is None) == fact.honest
    if isinstance(event, XCalled):
        assert (event.nonce, event.params.nonce) == (fact.nonce, fact.nonce)
        assert transfer_id_of(event.params) == event.transfer_id


# One thing at a time


def test_a_call_is_mined_in_the_next_block_and_its_legs_follow() -> None:
    world = lived(story(transfer()))
    called, (executed, reconciled) = standing(world, HERE), standing(world, THERE)
    assert [(fact.event, fact.since, fact.nonce) for fact in called] == [(Event.XCALLED, 10.0, 7)]
    assert (executed.event, executed.since, executed.timestamp) == (Event.EXECUTED, 70.0, EPOCH + 70)
    assert (reconciled.event, reconciled.since) == (Event.RECONCILED, 130.0)
    assert {executed.transfer_id, reconciled.transfer_id} == {called[0].transfer_id}


def test_what_is_never_sent_never_stands() -> None:
    world = lived(story(transfer(executed_after=None, reconciled_after=None)))
    assert (events(world, HERE), events(world, THERE)) == ([Event.XCALLED], [])


def test_the_contract_says_what_stands_after_each_block() -> None:
    ledger = lived(story(transfer())).ledger(THERE)
    transfer_id = bytes.fromhex(ledger.facts.facts[0].transfer_id[2:])
    statuses = [ledger.status(transfer_id, block.number) for block in ledger.blocks]
    assert [statuses.index(status) for status in (0, 2, 3)] == [0, 67, 73]


def test_a_reorg_replaces_the_newest_blocks_and_the_head_rises() -> None:
    world = lived(story(reorgs=(Reorg(HERE, 42.0, 2),)), until=49.0)
    before = world.ledger(HERE).blocks[-4:]
    world.advance(50.0)
    after = world.ledger(HERE).blocks[-5:]
    assert after[:2] == before[:2]
    assert [block.number for block in after[2:]] == [before[2].number, before[3].number, before[3].number + 1]
    assert not {block.hash for block in after} & {block.hash for block in before[2:]}
    assert [block.until for block in world.ledger(HERE).facts.blocks[-5:-3]] == [50.0, 50.0]


def test_a_reorg_may_leave_the_head_as_high_as_it_was() -> None:
    world = lived(story(reorgs=(Reorg(HERE, 42.0, 2, rises=False),)), until=41.0)
    head = world.ledger(HERE).head
    world.advance(42.0)
    replaced = world.ledger(HERE).head
    assert (replaced.number, replaced.timestamp, replaced.hash == head.hash) == (head.number, head.timestamp, False)


def test_only_a_deep_reorg_reaches_below_what_is_final() -> None:
    cut = {}
    for deep in (False, True):
        ledger = lived(story(reorgs=(Reorg(HERE, 42.0, 30, rises=False, deep=deep),)), until=43.0).ledger(HERE)
        cut[deep] = sum(block.until == 42.0 for block in ledger.facts.blocks)
    assert cut == {False: 5, True: 30}


def test_a_call_that_is_mined_again_keeps_its_legs() -> None:
    world = lived(story(transfer(), reorgs=(Reorg(HERE, 15.0, 1, delay=3, rises=False),)))
    (called,) = standing(world, HERE)
    assert called.since == 40.0
    assert [(fact.event, fact.transfer_id) for fact in standing(world, THERE)] == [
        (Event.EXECUTED, called.transfer_id),
        (Event.RECONCILED, called.transfer_id),
    ]


def test_a_leg_waits_until_its_call_stands_again() -> None:
    world = lived(story(transfer(executed_after=10.0), reorgs=(Reorg(HERE, 15.0, 1, delay=4, rises=False),)))
    assert [fact.since for fact in standing(world, HERE)] == [50.0]
    assert [fact.since for fact in standing(world, THERE)] == [60.0, 130.0]


def test_a_call_that_gets_another_nonce_is_another_transfer() -> None:
    later = transfer(at=25.0)
    world = lived(story(transfer(), later, reorgs=(Reorg(HERE, 15.0, 1, delay=3, rises=False),)))
    ids = {fact.transfer: fact.transfer_id for fact in standing(world, HERE)}
    first = world.ledger(HERE).facts.facts[0]
    assert (first.nonce, first.until) == (7, 15.0)
    assert [(fact.transfer, fact.nonce) for fact in standing(world, HERE)] == [(1, 7), (0, 8)]
    assert first.transfer_id not in {fact.transfer_id for fact in standing(world, THERE)}
    assert {fact.transfer_id for fact in standing(world, THERE)} == set(ids.values())


def test_a_call_that_is_dropped_has_no_legs() -> None:
    world = lived(story(transfer(), reorgs=(Reorg(HERE, 15.0, 1, Fate.DROPPED, rises=False),)))
    assert (events(world, HERE), events(world, THERE)) == ([], [])


def test_a_leg_that_is_dropped_never_comes_again() -> None:
    world = lived(story(transfer(), reorgs=(Reorg(THERE, 75.0, 1, Fate.DROPPED, rises=False),)))
    assert events(world, THERE) == [Event.RECONCILED]
    assert world.ledger(THERE).status(bytes.fromhex(standing(world, HERE)[0].transfer_id[2:]), 100) == 1


def test_a_mismatch_delivers_what_was_not_called() -> None:
    world = lived(story(transfer(deed=Deed.MISMATCH)))
    assert [(fact.event, fact.honest) for fact in standing(world, THERE)] == [
        (Event.EXECUTED, False),
        (Event.RECONCILED, True),
    ]


def test_what_is_unreadable_is_no_event_to_anybody() -> None:
    world = lived(story(transfer(), transfer(20.0, deed=Deed.UNREADABLE)))
    assert sorted(events(world, THERE)) == [Event.EXECUTED, Event.RECONCILED, Event.UNREADABLE]
    ledger, contract = world.ledger(THERE), contract_of(THERE)
    filtered = LogFilter(contract, [], 0, ledger.head.number)  # type: ignore[arg-type]
    view = EndpointView(ledger, POLLED, ledger.head.number, 0)
    raw_logs = read_logs(msgspec.Raw(view.answer("eth_getLogs", [filtered.params()])), filtered)
    for raw, fact in zip(raw_logs, standing(world, THERE), strict=True):
        assert not isinstance(raw, MalformedEntry)
        check_log(raw, fact, contract)


def test_a_phantom_has_a_nonce_that_another_has_or_nobody_yet() -> None:
    world = lived(story(transfer(), phantom(20.0, nonce_offset=-1), phantom(20.0, nonce_offset=5)))
    phantoms = [fact for fact in standing(world, THERE) if fact.transfer > 0]
    assert [fact.nonce for fact in phantoms] == [7, 13]
    assert not {fact.transfer_id for fact in phantoms} & {fact.transfer_id for fact in standing(world, HERE)}


def test_a_transfer_beyond_the_chains_of_the_story_has_its_other_end() -> None:
    world = lived(story(transfer(destination=5), transfer(origin=5)))
    assert events(world, HERE) == [Event.XCALLED]
    assert events(world, THERE) == [Event.EXECUTED, Event.RECONCILED]


def test_a_stalled_chain_makes_no_block() -> None:
    ledger = lived(story(stalls=(Stall(HERE, 101.0, 100.0),))).ledger(HERE)
    assert [block.since for block in ledger.facts.blocks if 90 < block.since < 220] == [100.0, 201.0, 210.0]


def test_wrong_stamps_never_fall() -> None:
    ledger = lived(story(stamp_errors=(StampError(HERE, 100.0, 50.0, 60.0),))).ledger(HERE)
    stamps = {block.since: block.timestamp - EPOCH for block in ledger.facts.blocks}
    assert (stamps[90.0], stamps[100.0], stamps[140.0]) == (90, 160, 200)
    assert (stamps[150.0], stamps[160.0], stamps[210.0]) == (201, 202, 210)
