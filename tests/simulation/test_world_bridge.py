from tests.simulation.endpoint_view import EndpointView
from tests.simulation.facts import Event, Fact
from tests.simulation.routers import LiquidityChange, Router
from tests.simulation.sayings import BridgeChange, Pause, Saying
from tests.simulation.small_worlds import HERE, PUSHING, THERE, story, transfer
from tests.simulation.story import Fate, Reorg, Story
from tests.simulation.world import World
from tests.simulation.written_log import contract_of


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


def test_what_routers_have_is_as_blocks_say_which_a_reorg_replaces() -> None:
    routers = (Router("ours", 0, 10, 100), Router("theirs", 1, 10, 5))
    changes = (
        LiquidityChange(HERE, 95.0, 0, -60),
        LiquidityChange(HERE, 295.0, 0, 7, says=False),
        LiquidityChange(HERE, 395.0, 1, 2),
        LiquidityChange(HERE, 395.0, 2, 9),
        LiquidityChange(THERE, 95.0, 0, 1),
    )
    dropped = Reorg(HERE, 105.0, 1, Fate.DROPPED, rises=False)
    held, world = (lived(story(routers=routers, liquidity=changes, reorgs=reorgs)) for reorgs in ((), (dropped,)))
    for lasting, moved in ((held, -60), (world, 0)):
        facts = lasting.ledger(HERE).facts
        tokens = [facts.head(at).tokens for at in (90.0, 110.0, 310.0, 410.0)]  # type: ignore[union-attr]
        assert tokens == [{0: 100, 1: 5}, {0: 100 + moved, 1: 5}, {0: 107 + moved, 1: 5}, {0: 107 + moved, 1: 7}]
    assert [fact.says for fact in standing(world, HERE)] == ["RouterLiquidityAdded"] * 2
    view = EndpointView(world.ledger(HERE), PUSHING, world.ledger(HERE).head.number, None)
    asked = "0x41258b5c" + 12 * "00" + 20 * "40" + 12 * "00" + 20 * "a5"
    call = {"to": f"0x{contract_of(HERE).hex()}", "data": asked}
    assert int(view.answer("eth_call", [call, "latest"]).strip(b'"'), 16) == 107 * 10**18
    nobody = call | {"data": asked.replace("40", "44")}
    assert int(view.answer("eth_call", [nobody, "latest"]).strip(b'"'), 16) == 0
