"""How an event is kept in its row: a short msgpack tuple per kind.

The row's own columns say which transfer, chain and place; the payload holds the rest. 256-bit numbers are big-endian
bytes, as msgpack has no integers beyond 64 bits.
"""

from typing import Any

import msgspec

from connext_monitor.core.events import (
    Address,
    EventKind,
    Executed,
    Reconciled,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)

_BRIDGED_AMOUNT = 9
"""Its place among the parameters."""

encode = msgspec.msgpack.Encoder().encode
"""What `pack` makes a payload with; `usual_logs` gives it the same values straight from the words of a log."""
_decode = msgspec.msgpack.Decoder(tuple).decode


def pack(event: TransferEvent) -> bytes:
    """The payload of an event."""
    amount = event.amount
    big = amount.to_bytes((amount.bit_length() + 7) // 8, "big")
    match event:
        case XCalled():
            info = _info(event.params)
            return encode((event.nonce, event.message_hash, info, event.asset, big, event.local, event.message_body))
        case Executed():
            return encode((event.to, event.asset, _info(event.params), event.routers, event.local, big, event.caller))
        case Reconciled():
            return encode((event.origin_domain, event.local, event.routers, big, event.caller))


def unpack(kind: EventKind, transfer_id: TransferId, payload: bytes) -> TransferEvent:
    """The event that `pack` was given."""
    fields: tuple[Any, ...] = _decode(payload)
    match kind:
        case EventKind.XCALLED:
            nonce, message_hash, info, asset, amount, local, body = fields
            return XCalled(transfer_id, nonce, message_hash, _read_info(info), asset, _number(amount), local, body)
        case EventKind.EXECUTED:
            to, asset, info, routers, local, amount, caller = fields
            return Executed(
                transfer_id, to, asset, _read_info(info), tuple(routers), local, _number(amount), caller
            )  # fmt: skip
        case EventKind.RECONCILED:
            origin, local, routers, amount, caller = fields
            return Reconciled(transfer_id, origin, local, tuple(routers), _number(amount), caller)


def unpack_fronted(payload: bytes) -> tuple[Address, bytes]:
    """What routers fronted, of an Executed: the token of its chain, and base units of it as big-endian bytes."""
    _, _, info, _, local, _, _ = _decode(payload)
    return local, info[_BRIDGED_AMOUNT]


def unpack_caller(payload: bytes) -> Address:
    """Who executed, of an Executed."""
    caller: Address = _decode(payload)[-1]
    return caller


def _info(info: TransferInfo) -> tuple[object, ...]:
    # Each number's shortest bytes, not by a function of their own: all events of a history come through here.
    slippage, bridged, normalized = info.slippage, info.bridged_amount, info.normalized_in
    return (
        info.origin_domain, info.destination_domain, info.canonical_domain, info.to, info.delegate, info.receive_local,
        info.call_data, slippage.to_bytes((slippage.bit_length() + 7) // 8, "big"), info.origin_sender,
        bridged.to_bytes((bridged.bit_length() + 7) // 8, "big"),
        normalized.to_bytes((normalized.bit_length() + 7) // 8, "big"), info.nonce, info.canonical_id,
    )  # fmt: skip


def _read_info(fields: list[Any]) -> TransferInfo:
    (origin, destination, canonical, to, delegate, local, call_data, slippage, sender, bridged, normalized, nonce,
     canonical_id) = fields  # fmt: skip
    return TransferInfo(
        origin, destination, canonical, to, delegate, local, call_data, _number(slippage), sender, _number(bridged),
        _number(normalized), nonce, canonical_id,
    )  # fmt: skip


def _number(big: bytes) -> int:
    return int.from_bytes(big, "big")
