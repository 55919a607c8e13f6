"""Asks a chain's endpoints what an execution of a reconciled transfer would come to.

Nothing of it is sent: it is an `eth_call` in the state after the covered block, which whoever answers must have.
"""

from collections.abc import Sequence

from connext_monitor.core.calls import read_flag
from connext_monitor.core.decoding import XCALLED_TOPIC, MalformedLog, decode, transfer_id_of
from connext_monitor.core.events import Address, BlockNumber, RawLog, TransferId, TransferInfo, XCalled
from connext_monitor.core.execution import (
    SimulatedExecution,
    approved_relayer_call,
    check_executed,
    execute_call,
    recipient_call,
)
from connext_monitor.core.revert import revert_words
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.any_endpoint import AnyEndpoint, Unanswered, prove
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.json_rpc import RpcRefused


class ExecutionQueries:
    """Questions about executions; each kind rests by itself at an endpoint that fails at it."""

    def __init__(self, state: ChainState, pool: EndpointPool) -> None:
        self._state = state
        self._logs = AnyEndpoint(state, pool)
        self._simulations = AnyEndpoint(state, pool)

    async def sent_params(self, transfer_id: TransferId, block: BlockNumber) -> TransferInfo | None:
        """What the XCalled in that block says; None where no endpoint shows it. Raises Unanswered.

        It hashes to the transfer's id, so that it does not matter who shows it.
        """

        async def read(endpoint: Endpoint) -> TransferInfo | None:
            topics = ((XCALLED_TOPIC,), transfer_id)
            fetched = await endpoint.logs(self._state.config.contract, topics, block, block)
            return next((params for raw in fetched.logs if (params := _params(raw, transfer_id)) is not None), None)

        return await self._logs.ask(read, enough=lambda params: params is not None)

    async def simulated(
        self, transfer_id: TransferId, info: TransferInfo, relayers: Sequence[Address]
    ) -> SimulatedExecution:
        """An execution by the first of the ``relayers`` that is approved, or by the delegate. Raises Unanswered."""
        covered = self._state.covered
        if covered is None:
            raise Unanswered(f"nothing of {self._state.config.name} has been covered yet")
        contract, block = self._state.config.contract, covered.number

        async def simulate(endpoint: Endpoint) -> SimulatedExecution:
            relayer = await self._approved(endpoint, relayers, block)
            try:
                sender = info.delegate if relayer is None else relayer
                answer = await endpoint.call(contract, execute_call(info), block, sender=sender)
                check_executed(answer, transfer_id)
                reverts, recipient = None, await self._recipient_reverts(endpoint, transfer_id, info, block)
            except RpcRefused as error:
                reverts, recipient = _reason(error), None
            # After the answers: a provider may route one connection to another chain at any moment.
            await prove(endpoint, covered)
            return SimulatedExecution(block, relayer is not None, reverts, recipient)

        return await self._simulations.ask(simulate)

    async def _approved(self, endpoint: Endpoint, relayers: Sequence[Address], block: BlockNumber) -> Address | None:
        for relayer in relayers:
            if read_flag(await endpoint.call(self._state.config.contract, approved_relayer_call(relayer), block)):
                return relayer
        return None

    async def _recipient_reverts(
        self, endpoint: Endpoint, transfer_id: TransferId, info: TransferInfo, block: BlockNumber
    ) -> str | None:
        call = recipient_call(transfer_id, info)
        if call is None:
            return None
        try:
            await endpoint.call(info.to, call, block, sender=self._state.config.contract)
        except RpcRefused as error:
            return _reason(error)
        return None


def _params(raw: RawLog, transfer_id: TransferId) -> TransferInfo | None:
    try:
        event = decode(raw)
    except MalformedLog:
        return None
    return event.params if isinstance(event, XCalled) and transfer_id_of(event.params) == transfer_id else None


def _reason(error: RpcRefused) -> str:
    """Why a call reverted. Raises the error itself where that is another refusal, which says nothing about the call."""
    if error.refusal.reaction is not Reaction.REVERTED:
        raise error
    return revert_words(error.refusal.returned, error.refusal.message)
