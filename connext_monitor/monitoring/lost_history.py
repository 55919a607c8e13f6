"""Blocks that no endpoint has any more: which endpoints said so, and where there is something to read again."""

from collections import Counter
from collections.abc import Awaitable, Callable

from connext_monitor.clock import Clock
from connext_monitor.core.bridge_events import OBSERVED_TOPICS
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import Address, BlockNumber
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.intervals import USUAL, LossProof
from connext_monitor.monitoring.json_rpc import RpcRefused

_ASKED_AGAIN = 3


class LostHistory:
    """What a chain's endpoints have said of the next blocks to be read, since it last got on."""

    def __init__(self, endpoints: int, clock: Clock, proof: LossProof = USUAL.loss) -> None:
        self._endpoints = endpoints
        self._proof = proof
        self._clock = clock
        self._oldest: dict[int, BlockNumber] = {}
        self._hearings: Counter[int] = Counter()
        self._since = 0.0

    def got_on(self) -> None:
        """Something has been read, or was left behind."""
        self._oldest.clear()
        self._hearings.clear()

    def lost_before(self, index: int, oldest: BlockNumber) -> BlockNumber | None:
        """The block before which everything is given up, after an endpoint said that it has nothing before ``oldest``.

        ``index`` is the endpoint's in the config. None while nothing is given up:
        1. Not while another endpoint goes back further: it gets its turn.
        2. Not before the endpoint has said so several times, over a while; what it had once it may have again.
        3. Not before all have said so, or those that have not been heard had their time.
        """
        if not self._oldest:
            self._since = self._clock.monotonic()
        self._oldest[index] = oldest = min(oldest, self._oldest.get(index, oldest))
        self._hearings[index] += 1
        lasted = self._clock.monotonic() - self._since
        proof = self._proof
        if oldest > min(self._oldest.values()) or self._hearings[index] < proof.hearings or lasted < proof.lasting:
            return None
        return oldest if len(self._oldest) == self._endpoints or lasted >= proof.patience else None


async def oldest_readable(endpoint: Endpoint, contract: Address, blocks: BlockRange) -> BlockNumber | None:
    """The first of these blocks whose logs the endpoint still has, found by halving; None if it has none of them.

    The very first is asked for several times, and so is the last one that is lost: one node of several that lacks a
    block proves nothing, nor does one of another chain. Raises what the endpoint raises for any reason other than a
    block that it has pruned.
    """

    async def has(block: BlockNumber) -> bool:
        try:
            await endpoint.logs(contract, [OBSERVED_TOPICS], block, block)
        except RpcRefused as error:
            if error.refusal.reaction is not Reaction.PRUNED:
                raise
            return False
        return True

    if not await has(blocks.last):
        return None
    oldest = await _first_had(has, blocks)
    while oldest > blocks.first:
        doubted = (blocks.first, BlockNumber(oldest - 1))
        had = [block for block in doubted for _ in range(_ASKED_AGAIN) if await has(block)]
        if not had:
            break
        oldest = await _first_had(has, BlockRange(blocks.first, had[0]))
    return oldest


async def _first_had(has: Callable[[BlockNumber], Awaitable[bool]], blocks: BlockRange) -> BlockNumber:
    """By halving; the last of these blocks is there."""
    lost, kept = BlockNumber(blocks.first - 1), blocks.last
    while kept - lost > 1:
        middle = BlockNumber((lost + kept) // 2)
        if await has(middle):
            kept = middle
        else:
            lost = middle
    return kept
