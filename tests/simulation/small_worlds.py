"""Small stories made by hand, for the tests of the world: two chains with a block each ten seconds, nothing wrong."""

from dataclasses import replace

from tests.simulation.story import ChainTraits, Deadlines, Deed, EndpointTraits, Story, Transfer

HERE, THERE = 1001, 1002
BLOCK_TIME = 10.0
PUSHING, POLLED = EndpointTraits(pushes=True), EndpointTraits(pushes=False)


def chain(domain: int, *endpoints: EndpointTraits, final_depth: int = 5, tagged: bool = False) -> ChainTraits:
    """A chain whose genesis is 600 s old at the story's begin."""
    return ChainTraits(
        domain=domain,
        chain_id=30_000 + domain,
        block_time=BLOCK_TIME,
        final_depth=final_depth,
        endpoints=endpoints or (PUSHING,),
        tagged=tagged,
        age=600.0,
        first_nonce=7,
    )


def transfer(at: float = 5.0, **changes: object) -> Transfer:
    """A transfer that is called at 5 s, and so stands in the block of 10 s, and has both legs after a minute or two."""
    usual = Transfer(at, HERE, THERE, 10**18, executed_after=60.0, reconciled_after=120.0)
    return replace(usual, **changes)  # type: ignore[arg-type]


def phantom(at: float = 5.0, *, nonce_offset: int) -> Transfer:
    """A delivery of what nobody sent."""
    return transfer(at, deed=Deed.PHANTOM, reconciled_after=None, nonce_offset=nonce_offset)


def story(*transfers: Transfer, seconds: float = 1000.0, **changes: object) -> Story:
    """A story of these transfers, in which nothing goes wrong but what ``changes`` say."""
    usual = Story(
        seed=1,
        seconds=seconds,
        quiet_from=seconds,
        deadlines=Deadlines(),
        chains=(chain(HERE), chain(THERE)),
        channels=(),
        transfers=transfers,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]
