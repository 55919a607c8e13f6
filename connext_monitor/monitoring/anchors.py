"""Finds out that a block which counted as final was replaced: a reorg deeper than the chain's finality."""

from dataclasses import replace
from typing import Protocol

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from connext_monitor.monitoring.range_reader import RangeReader
from connext_monitor.monitoring.unusable_answers import Unsettled
from connext_monitor.monitoring.witness import Witness


class AnchorStore(Protocol):
    """What keeps the blocks of past checkpoints."""

    async def anchors(self, domain: DomainId, most: int = ...) -> list[tuple[BlockNumber, Hash32]]:
        """Height and hash of each, or of the newest ones, the newest first."""
        ...


class Anchors:
    """The final blocks of one chain, looked at through one endpoint."""

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        reader: RangeReader,
        lineage: Lineage,
        witness: Witness,
        store: AnchorStore,
        observations: ObservationSink,
    ) -> None:
        self._state = state
        self._endpoint = endpoint
        self._reader = reader
        self._lineage = lineage
        self._witness = witness
        self._store = store
        self._observations = observations

    async def verify(self, head: Header) -> None:
        """Look whether the newest checkpoint's block still stands below ``head``.

        1. The head leads back to it, it stands, or there is none yet: all is well.
        2. The endpoint lacks it: that is lag (Unsettled).
        3. Another endpoint still has it: this one is not to be believed (EndpointNotBelieved).
        4. It serves another chain by now: the same.
        5. Else the checkpoint goes back to the newest one that stands, or to the start, and an alert says so.
        """
        coverage = self._state.coverage
        newest = await self._store.anchors(self._state.config.domain_id, 1)
        if coverage is None or not newest:
            return
        ((number, block_hash),) = newest
        if self._reader.leads_back(head.hash, number, block_hash) or await self._stands(number, block_hash):
            return
        testimony = await self._witness.testify(BlockRange(number, number), block_hash)
        if testimony is not None and testimony.logs is not None:
            raise EndpointNotBelieved(
                self._endpoint.host,
                f"has a different block {number} from {testimony.host}'s, and from the one that was final",
            )
        await self._lineage.confirm_gone(number, block_hash)
        checkpoint = BlockNumber(coverage.start - 1)
        for older in (await self._store.anchors(self._state.config.domain_id))[1:]:
            if await self._stands(*older):
                checkpoint = older[0]
                break
        await self._lineage.confirm()
        rewound = replace(coverage, checkpoint=checkpoint)
        progress = ChainProgress(self._state.config.domain_id, rewound, replaced=number, since=coverage)
        await record(self._observations, Observation(self._state.config.domain_id, progress=progress))
        self._state.reached(rewound)

    async def _stands(self, number: BlockNumber, block_hash: Hash32) -> bool:
        header = await self._endpoint.header(number)
        if header is None:
            raise Unsettled(f"has no block {number}, which was final")
        return header.hash == block_hash
