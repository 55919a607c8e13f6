"""The last block that may count as final, by the chain's depth or by what its endpoint says of a tag."""

from connext_monitor.core.coverage import final_by_depth
from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import RpcError
from connext_monitor.monitoring.lineage import Lineage


class Finality:
    """The finality of one chain, seen through one endpoint."""

    def __init__(self, state: ChainState, endpoint: Endpoint, lineage: Lineage) -> None:
        self._state = state
        self._finality = state.config.finality
        self._endpoint = endpoint
        self._lineage = lineage

    async def below(self, head: Header) -> BlockNumber | None:
        """The last final block at or below ``head``; None if the endpoint does not say.

        Raises EndpointNotBelieved if it speaks of another chain.
        """
        if isinstance(self._finality, int):
            return final_by_depth(head.number, self._finality)
        tagged = await self._tagged(self._finality)
        if tagged is None or not await self._is_had(tagged, head):
            return None
        self._state.headers.add(tagged)
        await self._lineage.verify(tagged.hash)
        self._state.final_trouble = None
        return min(tagged.number, head.number)

    async def _tagged(self, tag: str) -> Header | None:
        """The block of a tag; None if the endpoint gives none, in whatever way, with the reason kept in the state."""
        self._state.final_trouble = f"{self._endpoint.host} does not say which block is {tag}"
        try:
            return await self._endpoint.header(tag)
        except RpcError as error:
            # Where it says nothing at all any more, what is asked next fails as well.
            self._state.final_trouble = str(error)
            return None

    async def _is_had(self, tagged: Header, head: Header) -> bool:
        """Whether the endpoint has a block that it calls final, which takes a question if that is above the head.

        Blocks up to a final one that does not exist would all be taken for final.
        """
        if tagged.number <= head.number:
            return True
        header = await self._endpoint.header(tagged.number)
        if header is not None and header.hash == tagged.hash:
            return True
        self._state.final_trouble = (
            f"{self._endpoint.host} says that block {tagged.number} is {self._finality}, but does not have it"
        )
        return False
