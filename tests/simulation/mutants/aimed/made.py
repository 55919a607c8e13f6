"""What aimed stories are made of: short, with few transfers, on two chains with a block each half a minute."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.simulation.story import (
    ChainTraits,
    Channel,
    Deadlines,
    Deed,
    EndpointFault,
    EndpointTraits,
    Fate,
    Reorg,
    Story,
    Transfer,
)
from tests.simulation.troubles import Beyond, EndpointTrouble

HERE, THERE = 1001, 1002
BLOCK = 30.0
"""Seconds between two blocks."""
REST = 660.0
"""Seconds at the end in which nothing goes wrong: then what is stored is compared with the chains."""
PUSHING, POLLED = EndpointTraits(pushes=True), EndpointTraits(pushes=False)
HOOK, CHAT = Channel("webhook", "webhook"), Channel("discord", "discord")


def chain(domain: int, *endpoints: EndpointTraits, **changes: Any) -> ChainTraits:
    """A chain that is three blocks behind its head final."""
    usual = ChainTraits(
        domain=domain,
        chain_id=30_000 + domain,
        block_time=BLOCK,
        final_depth=3,
        endpoints=endpoints or (PUSHING,),
        age=3600.0,
        first_nonce=7,
    )
    return replace(usual, **changes)


def story(
    seconds: float,
    transfers: Iterable[Transfer],
    *,
    chains: tuple[ChainTraits, ...] = (chain(HERE), chain(THERE)),
    **changes: Any,
) -> Story:
    """A story of these transfers, in which nothing goes wrong but what ``changes`` say."""
    usual = Story(
        seed=1,
        seconds=seconds,
        quiet_from=seconds - REST,
        deadlines=Deadlines(execute=300.0, reconcile=1200.0, unobserved_after=120.0),
        chains=chains,
        channels=(HOOK, CHAT),
        transfers=tuple(sorted(transfers, key=lambda each: each.at)),
    )
    return replace(usual, **changes)


def call(at: float, executed: float | None = 60.0, reconciled: float | None = 400.0, **changes: Any) -> Transfer:
    """A transfer from here to there, with seconds until each of its legs."""
    usual = Transfer(at, HERE, THERE, 10**18, executed_after=executed, reconciled_after=reconciled)
    return replace(usual, **changes)


def calls(begin: float, end: float, every: float, *outcomes: tuple[float | None, float | None]) -> list[Transfer]:
    """Transfers one after the other, whose legs come as the outcomes say in turn."""
    count = int((end - begin) // every)
    turns = outcomes or ((60.0, 400.0),)
    return [call(begin + number * every, *turns[number % len(turns)]) for number in range(count)]


def back(transfer: Transfer) -> Transfer:
    """The same from there to here."""
    return replace(transfer, origin=transfer.destination, destination=transfer.origin)


def phantom(at: float, nonce_offset: int = -1) -> Transfer:
    """A delivery of what nobody sent."""
    return call(at, 5.0, None, deed=Deed.PHANTOM, nonce_offset=nonce_offset)


def unreadable(at: float) -> Transfer:
    """A delivery of which nobody can decode the log."""
    return call(at, 5.0, None, deed=Deed.UNREADABLE)


def mismatch(at: float) -> Transfer:
    """What is delivered is not what was called."""
    return call(at, 60.0, None, deed=Deed.MISMATCH)


def trouble(
    at: float, seconds: float, what: EndpointTrouble, amount: float = 1.0, *, domain: int = THERE, endpoint: int = 0
) -> EndpointFault:
    """Something is wrong with an endpoint."""
    return EndpointFault(domain, endpoint, at, seconds, what, amount)


def reorg(at: float, depth: int, fate: Fate = Fate.AGAIN, *, domain: int = THERE, **changes: Any) -> Reorg:
    """Blocks are replaced."""
    return replace(Reorg(domain, at, depth, fate), **changes)


CLAMPING = replace(POLLED, beyond=Beyond.CLAMP)
"""An endpoint that answers for blocks that it does not have as if they were empty."""
