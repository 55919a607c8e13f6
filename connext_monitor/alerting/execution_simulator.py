"""Has the execution of a transfer simulated that is reconciled and not executed, to learn why it is not.

What made the transfer is needed whole. The store leaves calldata out: it is read again from the XCalled on the origin.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from connext_monitor.core.decoding import transfer_id_of
from connext_monitor.core.events import Address, BlockNumber, DomainId, TransferId, TransferInfo
from connext_monitor.core.execution import MOST_CALL_DATA, SimulatedExecution, is_about_the_moment
from connext_monitor.core.transfer import Transfer


class SimulatedChain(Protocol):
    """A chain that shows what was sent from it, and can be asked what an execution on it would come to."""

    async def sent_params(self, transfer_id: TransferId, block: BlockNumber) -> TransferInfo | None:
        """What made a transfer that began in this block of it; None where nobody shows it now."""
        ...

    async def simulated_execution(
        self, transfer_id: TransferId, info: TransferInfo, relayers: Sequence[Address]
    ) -> SimulatedExecution | None:
        """What an execution would come to now, by the first of these that is approved; None if it cannot be asked."""
        ...


class CallerStore(Protocol):
    """Where it is stored who executed transfers."""

    async def last_callers(self, destination: DomainId) -> list[Address]:
        """Who executed transfers on a chain last, the latest first."""
        ...


class ExecutionSimulator:
    """Has executions simulated on the chains that are observed."""

    def __init__(self, store: CallerStore, chains: Mapping[DomainId, SimulatedChain]) -> None:
        self._store = store
        self._chains = chains

    async def simulate(self, transfer: Transfer) -> SimulatedExecution | None:
        """What an execution of a reconciled transfer would come to; None where nobody can say that now.

        A revert that says only that the bridge is paused, or that the block is not one in which the transfer waits, is
        nothing to say about the transfer.
        """
        destination, info = self._chains.get(transfer.destination), await self._params(transfer)
        if destination is None or info is None or len(info.call_data) > MOST_CALL_DATA:
            return None
        callers = await self._store.last_callers(transfer.destination)
        simulated = await destination.simulated_execution(transfer.transfer_id, info, callers)
        return None if simulated is None or is_about_the_moment(simulated) else simulated

    async def _params(self, transfer: Transfer) -> TransferInfo | None:
        """All that made the transfer, proven by its id."""
        if transfer.info is not None and transfer_id_of(transfer.info) == transfer.transfer_id:
            return transfer.info
        origin = self._chains.get(transfer.origin)
        if origin is None or transfer.xcalled is None:
            return None
        return await origin.sent_params(transfer.transfer_id, transfer.xcalled.block.number)
