"""Asks a chain's endpoints what routers have there: the diamond's own books, after the covered block."""

from collections.abc import Sequence

from connext_monitor.core.calls import read_uint, router_balances_call
from connext_monitor.core.events import BlockNumber, BlockRef, Timestamp
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from connext_monitor.monitoring.any_endpoint import AnyEndpoint, Unanswered, prove
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.json_rpc import EndpointUnavailable


class RouterBalanceQueries:
    """Questions about routers; an endpoint that fails at them rests from them alone."""

    def __init__(self, state: ChainState, pool: EndpointPool) -> None:
        self._state = state
        self._balances = AnyEndpoint(state, pool)
        self._times = AnyEndpoint(state, pool)

    async def at_covered(self, holdings: Sequence[RouterAsset], earlier: BlockRef | None = None) -> CoveredBalances:
        """What each of these is after the last covered block, by one endpoint that has it. Raises Unanswered.

        An ``earlier`` block is looked at too: whether it still stands.
        """
        covered = self._covered()

        async def ask(endpoint: Endpoint) -> CoveredBalances:
            contract, block = self._state.config.contract, covered.number
            calls = [router_balances_call(router, asset) for router, asset in holdings]
            # By number, so that an endpoint behind the covered block refuses instead of answering from an older state.
            amounts = map(read_uint, await endpoint.calls(contract, calls, block))
            stands = earlier is None or await _stands(endpoint, earlier)
            # After the answers: a provider may route one connection to another chain at any moment.
            await prove(endpoint, covered)
            return CoveredBalances(covered, tuple(amounts), stands)

        return await self._balances.ask(ask)

    async def block_time(self, number: BlockNumber) -> Timestamp:
        """When the block at this height was made, by an endpoint that has the covered one. Raises Unanswered."""
        covered = self._covered()

        async def ask(endpoint: Endpoint) -> Timestamp:
            header = await endpoint.header(number)
            if header is None:
                raise EndpointUnavailable(endpoint.host, f"has no block {number}")
            await prove(endpoint, covered)
            return header.timestamp

        return await self._times.ask(ask)

    def _covered(self) -> BlockRef:
        if self._state.covered is None:
            raise Unanswered(f"nothing of {self._state.config.name} has been covered yet")
        return self._state.covered


async def _stands(endpoint: Endpoint, block: BlockRef) -> bool:
    header = await endpoint.header(block.number)
    return header is not None and header.hash == block.hash
