"""The call that executes a reconciled transfer, as a relayer makes it: its calldata, and what a simulation of it says.

Source: ``BridgeFacet`` and ``IXReceiver`` of ``@connext/smart-contracts`` 2.4.0. A reconciled transfer needs neither
routers nor signatures. The sender has to be an approved relayer or the transfer's delegate, and nothing else depends on
which of them it is. A call to the recipient that fails does not revert such an execution.
"""

from typing import Final

from connext_monitor.core.abi import WORD, TupleLayout
from connext_monitor.core.calls import MalformedAnswer
from connext_monitor.core.decoding import encode_execute_args
from connext_monitor.core.events import Address, BlockNumber, TransferId, TransferInfo
from connext_monitor.core.structs import struct

MOST_CALL_DATA: Final = 100_000
"""Bytes of calldata up to which an execution is simulated: nobody pays for a transaction that carries many more."""

_EXECUTE_SELECTOR: Final = bytes.fromhex("63e3e7d2")
_X_RECEIVE_SELECTOR: Final = bytes.fromhex("fd614f41")
_APPROVED_RELAYERS_SELECTOR: Final = bytes.fromhex("8cba8b6a")
_OF_THE_MOMENT: Final = frozenset({"BaseConnextFacet__whenNotPaused_paused", "BridgeFacet__execute_notReconciled"})
"""The bridge is paused, which `paused()` says as well; the transfer is not reconciled in that block, or executed."""
_NO_ADDRESS: Final = Address(bytes(20))
_X_RECEIVE: Final = TupleLayout(
    "bytes32 transferId, uint256 amount, address asset, address originSender, uint32 origin, bytes callData"
)


@struct(frozen=True, slots=True)
class SimulatedExecution:
    """What an execution in the state after a block would come to, in words where something would revert.

    ``by_relayer``: it was simulated in the name of an approved relayer, else in that of the delegate.
    ``recipient_reverts`` is None also where the recipient would not be called, or nobody can tell.
    """

    block: BlockNumber
    by_relayer: bool
    reverts: str | None = None
    recipient_reverts: str | None = None


def is_about_the_moment(simulated: SimulatedExecution) -> bool:
    """Whether it reverts because of the block that it was simulated at, and may not at the next one."""
    return simulated.reverts in _OF_THE_MOMENT


def approved_relayer_call(account: Address) -> bytes:
    """Return the calldata of ``approvedRelayers(address)``."""
    return _APPROVED_RELAYERS_SELECTOR + account.rjust(WORD, b"\0")


def execute_call(info: TransferInfo) -> bytes:
    """Return the calldata of ``execute`` for a reconciled transfer."""
    return _EXECUTE_SELECTOR + encode_execute_args(info)


def check_executed(answer: bytes, transfer_id: TransferId) -> None:
    """Raise `MalformedAnswer` unless it is what ``execute`` returns: the transfer's id."""
    if answer != transfer_id:
        raise MalformedAnswer("the answer is not the executed transfer's id")


def recipient_call(transfer_id: TransferId, info: TransferInfo) -> bytes | None:
    """Return the calldata of the recipient's ``xReceive`` once the transfer is reconciled.

    None where the recipient is not called, and where funds come with the call: they would not be there.
    """
    if not info.call_data or info.bridged_amount or info.canonical_domain:
        return None
    arguments = (transfer_id, 0, _NO_ADDRESS, info.origin_sender, info.origin_domain, info.call_data)
    return _X_RECEIVE_SELECTOR + _X_RECEIVE.write(arguments)
