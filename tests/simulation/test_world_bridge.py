from tests.simulation.facts import Event, Fact
from tests.simulation.sayings import BridgeChange, Pause, Saying
from tests.simulation.small_worlds import HERE, THERE, story, transfer
from tests.simulation.story import Fate, Reorg, Story
from tests.simulation.world import World


def lived(story: Story) -> World:
    world = World(story)
    world.advance(story.seconds)
    return world


def standing(world: World, domain: int) -> list[Fact]:
    return world.ledger(domain).facts.standing(world.now)


def test_a_paused_diamond_neither_executes_nor_sends() -> None:
    pauses = (Pause(HERE, 0.0, 100.0), Pause(THERE, 100.0, 400.0))
    world = lived(story(transfer(), pauses=pauses))
    assert [fact.since for fact in standing(world, HERE) if fact.event is Event.XCALLED] == [110.0]
    assert [(fact.says or fact.event, fact.since) for fact in standing(world, THERE)] == [
        ("Paused", 100.0),
        (Event.RECONCILED, 230.0),
        ("Unpaused", 500.0),
        (Event.EXECUTED, 510.0),
    ]


def test_a_diamond_is_paused_as_its_blocks_say_which_a_reorg_replaces() -> None:
    pause, dropped = Pause(HERE, 95.0, 300.0), Reorg(HERE, 105.0, 1, Fate.DROPPED, rises=False)
    held, taken_back = (lived(story(pauses=(pause,), reorgs=reorgs)) for reorgs in ((), (dropped,)))
    blocks = held.ledger(HERE).facts.blocks
    assert [block.since for block in blocks if block.paused] == [100.0 + 10 * number for number in range(30)]
    assert [block.since for block in taken_back.ledger(HERE).facts.blocks if block.paused] == [100.0]


def test_what_pauses_a_diamond_again_comes_before_what_unpauses_it() -> None:
    moved = Reorg(HERE, 105.0, 1, Fate.AGAIN, delay=5, rises=False)
    world = lived(story(pauses=(Pause(HERE, 95.0, 20.0),), reorgs=(moved,)))
    assert [(fact.says, fact.since) for fact in standing(world, HERE)] == [("Paused", 150.0), ("Unpaused", 150.0)]
    assert not world.ledger(HERE).head.paused


def test_a_transaction_says_several_things_beside_transfers_in_one_block() -> None:
    says = (Saying.DIAMOND_CUT, Saying.ROUTER_ADDED, Saying.ROUTER_ADDED)
    world = lived(story(bridge_changes=(BridgeChange(HERE, 5.0, says),), reorgs=(Reorg(HERE, 15.0, 1, delay=2),)))
    facts = standing(world, HERE)
    assert [fact.says for fact in facts] == list(says)
    assert len({(fact.tx_hash, fact.block_hash) for fact in facts}) == 1
