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
        """The last final block at or below ``head``; None where the endpoint does not say.

        Raises EndpointNotBelieved where it speaks of another chain.
        """
        if isinstance(self._finality, int):
            return final_by_depth(head.number, self._finality)
        tagged = await self._tagged(self._finality)
        return min(tagged.number, head.number) if tagged else None

    async def _tagged(self, tag: str) -> Header | None:
        """The block of a tag; None where the endpoint gives none, in whatever way, and the reason with the state."""
        self._state.final_trouble = f"{self._endpoint.host} does not say which block is {tag}"
        try:
            tagged = await self._endpoint.header(tag)
        except RpcError as error:
            # Where it says nothing at all any more, what is asked next fails as well.
            self._state.final_trouble = str(error)
            return None
        if tagged is not None:
            self._state.headers.add(tagged)
            await self._lineage.bear_out(tagged.hash)
            self._state.final_trouble = None
        return tagged
