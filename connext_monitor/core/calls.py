"""The views of a Connext diamond that are asked with `eth_call`: their calldata, and how the answers read."""

from enum import IntEnum
from typing import Final

from connext_monitor.core.abi import WORD, MalformedData, TupleLayout
from connext_monitor.core.events import Address, TransferId

_TRANSFER_STATUS_SELECTOR: Final = bytes.fromhex("bfd79030")
_ROUTER_BALANCES_SELECTOR: Final = bytes.fromhex("41258b5c")
NONCE_CALL: Final = bytes.fromhex("affed0e0")
"""Calldata of ``nonce()``: the nonce that the next xcall of the diamond will have."""

PAUSED_CALL: Final = bytes.fromhex("5c975abb")
"""Calldata of ``paused()``: whether the diamond executes and sends nothing for now."""

_STATUS: Final = TupleLayout("uint8 status")
_NUMBER: Final = TupleLayout("uint256 number")
_FLAG: Final = TupleLayout("bool flag")


class MalformedAnswer(ValueError):
    """The answer to a call is not what the contract would answer; the message quotes nothing of it."""


class TransferStatus(IntEnum):
    """A transfer's state on its destination, as the contracts number it; on its origin it is always NONE."""

    NONE = 0
    RECONCILED = 1
    EXECUTED = 2
    COMPLETED = 3


def transfer_status_call(transfer_id: TransferId) -> bytes:
    """Return the calldata of ``transferStatus(bytes32)``."""
    return _TRANSFER_STATUS_SELECTOR + transfer_id


def router_balances_call(router: Address, asset: Address) -> bytes:
    """Return the calldata of ``routerBalances(address,address)``: what a router has of a local asset, in base units."""
    return _ROUTER_BALANCES_SELECTOR + router.rjust(WORD, b"\0") + asset.rjust(WORD, b"\0")


def read_transfer_status(answer: bytes) -> TransferStatus:
    """Return the state that ``transferStatus`` answered; raises `MalformedAnswer`."""
    status = _only_value(_STATUS, answer)
    try:
        return TransferStatus(status)
    except ValueError:
        raise MalformedAnswer("the answer is not one of the four transfer states") from None


def read_uint(answer: bytes) -> int:
    """Return the number that a call answered, ``nonce()`` for one; raises `MalformedAnswer`."""
    return _only_value(_NUMBER, answer)


def read_flag(answer: bytes) -> bool:
    """Return what a yes-or-no call answered; raises `MalformedAnswer`."""
    return bool(_only_value(_FLAG, answer))


def _only_value(layout: TupleLayout, answer: bytes) -> int:
    if not answer:
        raise MalformedAnswer("the answer is empty: no contract that knows this call stands at the address")
    try:
        value: int = layout.read(answer)[0]
    except MalformedData as fault:
        raise MalformedAnswer(f"the answer's {fault}") from fault
    return value
