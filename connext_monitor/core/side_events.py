"""What a Connext diamond says about a transfer beside its three events, as far as it tells why one is late.

Source of the layouts, and of where each stands: ``BridgeFacet`` of ``@connext/smart-contracts`` 2.4.0. Fees are raised
on the origin (an xcall that pays a fee emits it too, in its own transaction); the others stand on the destination.
"""

from typing import Any, Final

from connext_monitor.core.abi import WORD, MalformedData, TupleLayout
from connext_monitor.core.events import Address, Hash32, RawLog
from connext_monitor.core.structs import struct

FEE_INCREASED_TOPIC: Final = bytes.fromhex("f90d3aafcedf55a0da208dd26d915e0ce1870ee9221586012487a0b366106f65")
SLIPPAGE_UPDATED_TOPIC: Final = bytes.fromhex("b243c3cea6cd1bbfd64d5d0765f13734ca7b87fdf14e017391fe12a8891434ca")
CALLDATA_EXECUTED_TOPIC: Final = bytes.fromhex("b1a4ab59facaedd6d3a71da3902e0a1fa5b99750c0e20cd878334378a41cb335")

ORIGIN_TOPICS: Final = (FEE_INCREASED_TOPIC,)
DESTINATION_TOPICS: Final = (SLIPPAGE_UPDATED_TOPIC, CALLDATA_EXECUTED_TOPIC)

_MOST_SLIPPAGE: Final = 10_000


@struct(frozen=True, slots=True)
class RelayerFeeIncreased:
    """Somebody paid more for the execution; ``increase`` in base units of ``asset``, the chain's own coin where 0."""

    increase: int
    asset: Address


@struct(frozen=True, slots=True)
class SlippageUpdated:
    """The delegate allows another slippage, in 1/10000."""

    slippage: int


@struct(frozen=True, slots=True)
class CalldataExecuted:
    """The recipient's contract was called; a failure is borne on the slow path, and reverts the fast one."""

    success: bool


SideEvent = RelayerFeeIncreased | SlippageUpdated | CalldataExecuted


@struct(frozen=True, slots=True)
class SeenSideEvent:
    """One of them, and the transaction that it stands in."""

    event: SideEvent
    tx_hash: Hash32


_FEE: Final = TupleLayout("uint256 increase, address asset, address caller")
_SLIPPAGE: Final = TupleLayout("uint256 slippage")
_CALLDATA: Final = TupleLayout("bool success, bytes returnData")


def read_side_event(log: RawLog) -> SideEvent | None:
    """The event that a log holds; None for any other, and for what no honest diamond writes."""
    if len(log.topics) != 2 or len(log.topics[1]) != WORD:
        return None
    try:
        return _read(log.topics[0], log.data)
    except MalformedData:
        return None


def _read(topic: bytes, data: bytes) -> SideEvent | None:
    fields: tuple[Any, ...]
    if topic == FEE_INCREASED_TOPIC:
        fields = _FEE.read(data)
        return RelayerFeeIncreased(fields[0], fields[1])
    if topic == SLIPPAGE_UPDATED_TOPIC:
        fields = _SLIPPAGE.read(data)
        return SlippageUpdated(fields[0]) if fields[0] <= _MOST_SLIPPAGE else None
    if topic == CALLDATA_EXECUTED_TOPIC:
        fields = _CALLDATA.read(data)
        return CalldataExecuted(fields[0])
    return None
