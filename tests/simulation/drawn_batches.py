"""Draws that transfers to most chains are reconciled in batches: a chain processes a root with all that it holds.

Those that are reconciled about their deadline or later, somebody sees to one by one.
"""

import math
from dataclasses import replace
from random import Random

from tests.simulation.story import ChainTraits, Story, Transfer

FIRST_SEED = 900_000_000
"""Stories of seeds below that were drawn before there were batches, and stay as they were."""
_WITH_BATCHES = 3 / 4
"""Of all chains."""
_APART = 1 / 4
"""Of the deadline for reconciling: from one batch of a chain to the next."""
_ONE_BY_ONE = 0.85
"""Of that deadline: who is reconciled so late is so by itself."""


def draw_batches(story: Story) -> Story:
    """The story, with batches on most chains; whatever its seed."""
    random = Random(f"{story.seed} of batches")  # noqa: S311
    apart = _APART * story.deadlines.reconcile
    begins = {chain.domain: random.uniform(0.0, apart) for chain in story.chains if random.random() < _WITH_BATCHES}
    origins = {chain.domain: chain for chain in story.chains}
    transfers = tuple(
        _in_batch(each, origins.get(each.origin), begins[each.destination], apart)
        if each.destination in begins and (each.reconciled_after or math.inf) < _ONE_BY_ONE * story.deadlines.reconcile
        else each
        for each in story.transfers
    )
    return replace(story, transfers=transfers)


def _in_batch(transfer: Transfer, origin: ChainTraits | None, begin: float, apart: float) -> Transfer:
    """The transfer, reconciled with the first batch of its destination that comes so long after it was called.

    A part of what it would have taken goes by until the batch. What a reorg or a stall keeps its call, comes by itself.
    """
    if transfer.reconciled_after is None:
        return transfer
    called = transfer.at if origin is None else _mined(origin, transfer.at)
    ready = called + (1 - _APART) * transfer.reconciled_after
    batch = begin + math.ceil((ready - begin) / apart) * apart
    after = round(batch - called, 1)
    if transfer.executed_after is None or transfer.executed_after < transfer.reconciled_after:
        return replace(transfer, reconciled_after=after)
    # Whoever waits for the reconciliation waits for it as long as before.
    executed_after = round(transfer.executed_after + after - transfer.reconciled_after, 1)
    return replace(transfer, reconciled_after=after, executed_after=executed_after)


def _mined(chain: ChainTraits, at: float) -> float:
    """When the block comes that a transaction sent then is mined in, as blocks usually come."""
    return math.ceil((at + chain.age) / chain.block_time) * chain.block_time - chain.age
