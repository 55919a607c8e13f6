"""Whether an endpoint still speaks of the chain that it was opened for: connections are routed to another one at times.

On the other chain heights, contracts and even transfers may look like ours. Two things tell the chains apart: the chain
id, asked for again on the same connection after what is to be believed was read, and the hashes by which blocks name
their parents: a block whose parents lead back to a verified one needs no question.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from connext_monitor.config import ChainConfig
from connext_monitor.core.events import BlockNumber, Hash32
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved
from connext_monitor.monitoring.unusable_answers import Unsettled

_KEPT = 8192
"""Verified blocks that are remembered: of the fastest chain, those of half an hour."""
_ROUNDS = 3
"""Rounds of questions after which a block counts as gone: that costs ten requests per reorg."""


class Headers(Protocol):
    """The headers seen lately."""

    def get(self, block_hash: Hash32) -> Header | None:
        """The header with this hash."""
        ...


async def confirm_chain(endpoint: Endpoint, config: ChainConfig) -> None:
    """Ask an endpoint again which chain it serves. Raises EndpointNotBelieved if that is another one."""
    chain_id = await endpoint.chain_id()
    if chain_id != config.chain_id:
        words = f"now serves chain id {chain_id}, not {config.chain_id}; see chains.{config.name}.endpoints"
        raise EndpointNotBelieved(endpoint.host, words)


class VerifiedBlocks:
    """Blocks that were found to be of our chain; the oldest make room."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[Hash32, None] = OrderedDict()

    def __contains__(self, block_hash: Hash32) -> bool:
        return block_hash in self._blocks

    def add(self, block_hash: Hash32) -> None:
        """Keep one more."""
        self._blocks[block_hash] = None
        if len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)

    def forget_without(self, headers: Headers) -> None:
        """Forget those whose header is not at hand any more."""
        kept = [block_hash for block_hash in self._blocks if headers.get(block_hash) is not None]
        self._blocks = OrderedDict.fromkeys(kept)


class Lineage:
    """What one endpoint says, held against what is known of its chain."""

    def __init__(self, config: ChainConfig, endpoint: Endpoint, headers: Headers, verified: VerifiedBlocks) -> None:
        self._config = config
        self._endpoint = endpoint
        self._headers = headers
        self._verified = verified

    async def verify(self, block_hash: Hash32) -> None:
        """Find out whether a block is of our chain; asks nothing if its parents lead back to one that is.

        The endpoint must still have it after it said which chain it serves, so that it did not change in between.
        Raises EndpointNotBelieved, Unsettled, and what the endpoint raises.
        """
        await self.verify_all([block_hash])

    async def verify_all(self, block_hashes: Iterable[Hash32]) -> None:
        """The same of each of these blocks."""
        unknown = [block_hash for block_hash in dict.fromkeys(block_hashes) if not self._leads_back(block_hash)]
        if not unknown:
            return
        await self.confirm()
        # Twice, so that it does not go unseen if every second request is answered by another chain.
        for _ in range(2):
            for block_hash, header in zip(unknown, await self._endpoint.headers(unknown), strict=True):
                if header is None:
                    raise Unsettled(f"no longer has block 0x{block_hash.hex()}, which it has just referred to")
        for block_hash in unknown:
            self._verified.add(block_hash)

    async def confirm(self) -> None:
        """Ask the endpoint again which chain it serves. Raises EndpointNotBelieved if that is another one."""
        await confirm_chain(self._endpoint, self._config)

    async def confirm_gone(self, number: BlockNumber, block_hash: Hash32) -> None:
        """Make sure, before anything is taken back, that our chain has another block at a height.

        Raises EndpointNotBelieved if it is another chain, and Unsettled if the endpoint contradicts itself.
        """
        for times in range(1, _ROUNDS + 1):
            await self.confirm()
            # Once, then twice, and so on: in no rhythm in which the answers could alternate between two chains.
            for _ in range(times):
                header = await self._endpoint.header(number)
                if header is None or header.hash == block_hash:
                    raise Unsettled(f"contradicts itself about block {number}")
        await self.confirm()

    def _leads_back(self, block_hash: Hash32) -> bool:
        passed = []
        above: Header | None = None
        while block_hash not in self._verified:
            header = self._headers.get(block_hash)
            # Heights fall, so that it ends whatever an endpoint calls a parent.
            if header is None or (above is not None and header.number != above.number - 1):
                return False
            passed.append(block_hash)
            above, block_hash = header, header.parent_hash
        for descendant in reversed(passed):
            self._verified.add(descendant)
        return True
