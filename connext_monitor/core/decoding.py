"""What a Connext diamond's logs say: XCalled, Executed and Reconciled, read from their topics and data and back.

Source of the layouts: the contracts of ``@connext/smart-contracts`` 2.4.0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from connext_monitor.core.abi import WORD, MalformedData, TupleLayout
from connext_monitor.core.events import (
    EventKind,
    EventLog,
    Executed,
    RawLog,
    Reconciled,
    SeenLog,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.keccak import keccak

XCALLED_TOPIC: Final = bytes.fromhex("ed8e6ba697dd65259e5ce532ac08ff06d1a3607bcec58f8f0937fe36a5666c54")
EXECUTED_TOPIC: Final = bytes.fromhex("0b07a8b0b083f8976b3c832b720632f49cb8ba1e7a99e1b145f51a47d3391cb7")
RECONCILED_TOPIC: Final = bytes.fromhex("30bf44531c04b96173a40012c90db840a147cf7d50a3e160f5227f1af2faa3a0")
EVENT_TOPICS: Final = (XCALLED_TOPIC, EXECUTED_TOPIC, RECONCILED_TOPIC)
"""The first topics of the three events: what a subscription or `eth_getLogs` asks for."""

_NONCE_LIMIT: Final = 2**63  # A nonce rises by one with every xcall: a larger one is a lie, and fits no database.
_FOUR_TOPICS: Final = [WORD] * 4
_POINTER_TO_NEXT_WORD: Final = WORD.to_bytes(WORD, "big")
# Where TransferInfo's callData is pointed to and, if it comes first behind the head, what the pointer says; and how
# long the whole is with empty callData: thirteen words and its length.
_CALL_DATA_POINTER: Final = 6 * WORD
_POINTER_BEHIND_HEAD: Final = (13 * WORD).to_bytes(WORD, "big")
_INFO_BYTES: Final = 14 * WORD
_NO_ADDRESS: Final = bytes(20)
_BLANK_SIGNATURE: Final = bytes(65)

_TRANSFER_INFO: Final = TupleLayout(
    "uint32 originDomain, uint32 destinationDomain, uint32 canonicalDomain, address to, address delegate, "
    "bool receiveLocal, bytes callData, uint256 slippage, address originSender, uint256 bridgedAmt, "
    "uint256 normalizedIn, uint256 nonce, bytes32 canonicalId",
    TransferInfo,
)
_EXECUTE_ARGS: Final = TupleLayout(
    "TransferInfo params, address[] routers, bytes[] routerSignatures, address sequencer, bytes sequencerSignature",
    TransferInfo=_TRANSFER_INFO,
)


class MalformedLog(ValueError):
    """A log is none of the three events; the message says what is wrong where, and quotes nothing of the data."""


class BrokenIntegrity(StrEnum):
    """Why an event that reads well is not what an honest diamond emits."""

    PARAMS_HASH = "params do not hash to the transfer id"
    NONCE = "the nonce among the topics is not the nonce in params"


@dataclass(frozen=True, slots=True)
class _Layout:
    """One event: its indexed fields, all in topics after the first, and the fields in its data."""

    name: str
    indexed: TupleLayout
    data: TupleLayout
    make: Callable[..., TransferEvent]


_LAYOUTS: Final = {
    XCALLED_TOPIC: _Layout(
        "XCalled",
        TupleLayout("bytes32 transferId, uint256 nonce, bytes32 messageHash"),
        TupleLayout(
            "TransferInfo params, address asset, uint256 amount, address local, bytes messageBody",
            TransferInfo=_TRANSFER_INFO,
        ),
        XCalled,
    ),
    EXECUTED_TOPIC: _Layout(
        "Executed",
        TupleLayout("bytes32 transferId, address to, address asset"),
        TupleLayout("ExecuteArgs args, address local, uint256 amount, address caller", ExecuteArgs=_EXECUTE_ARGS),
        # Of the args, the signatures and the sequencer are checked and left: who paid is said by the routers.
        lambda transfer_id, to, asset, args, *rest: Executed(transfer_id, to, asset, args[0], args[1], *rest),
    ),
    RECONCILED_TOPIC: _Layout(
        "Reconciled",
        TupleLayout("bytes32 transferId, uint32 originDomain, address local"),
        TupleLayout("address[] routers, uint256 amount, address caller"),
        Reconciled,
    ),
}


_KINDS: Final = {
    XCALLED_TOPIC: EventKind.XCALLED,
    EXECUTED_TOPIC: EventKind.EXECUTED,
    RECONCILED_TOPIC: EventKind.RECONCILED,
}


def named_event(log: SeenLog) -> tuple[EventKind, TransferId] | None:
    """Which event of which transfer a log's topics name; None if they name none. Nothing else of it is read."""
    if isinstance(log, EventLog):
        return log.event.kind, log.event.transfer_id
    kind = _KINDS.get(log.topics[0]) if len(log.topics) > 1 else None
    return None if kind is None else (kind, TransferId(log.topics[1]))


def decode(log: RawLog) -> TransferEvent:
    """Return the event that ``log`` holds, every field of it read or checked, nothing in it believed.

    Whether it is consistent is for `broken_integrity` to say. Raises `MalformedLog` for anything else.
    """
    topics = log.topics
    layout = _LAYOUTS.get(topics[0]) if topics else None
    if layout is None:
        raise MalformedLog("the first topic is not that of a Connext transfer event")
    # Stricter than an ABI reader, which would ignore what follows the first word: a topic is one word.
    if list(map(len, topics)) != _FOUR_TOPICS:
        raise MalformedLog(f"{layout.name}: there must be four topics of 32 bytes")
    try:
        event = layout.make(*layout.indexed.read(b"".join(topics), WORD), *layout.data.read(log.data))
    except MalformedData as fault:
        raise MalformedLog(f"{layout.name}: {fault}") from fault
    _check_nonces(layout.name, event)
    return event


def _check_nonces(name: str, event: TransferEvent) -> None:
    if isinstance(event, Reconciled):
        return
    if event.params.nonce >= _NONCE_LIMIT or (isinstance(event, XCalled) and event.nonce >= _NONCE_LIMIT):
        raise MalformedLog(f"{name}: the nonce is 2**63 or more, which no diamond can have reached")


def broken_integrity(event: TransferEvent, log: RawLog) -> BrokenIntegrity | None:
    """Return why ``event``, decoded from ``log``, contradicts itself, or None; Reconciled has nothing to compare."""
    if isinstance(event, Reconciled):
        return None
    written = _as_written(event, log.data)
    if keccak(written or encode_transfer_info(event.params)) != event.transfer_id:
        return BrokenIntegrity.PARAMS_HASH
    if isinstance(event, XCalled) and event.nonce != event.params.nonce:
        return BrokenIntegrity.NONCE
    return None


def _as_written(event: XCalled | Executed, data: bytes) -> bytes | None:
    """Return `encode_transfer_info` of the event's params, cut out of the log; None if it is laid out otherwise.

    The contracts lay it out as `encode_transfer_info` does, and to write it once more takes longer than to hash it.
    """
    start = int.from_bytes(data[:WORD], "big")
    if isinstance(event, Executed):
        start += int.from_bytes(data[start : start + WORD], "big")
    if data[start + _CALL_DATA_POINTER : start + _CALL_DATA_POINTER + WORD] != _POINTER_BEHIND_HEAD:
        return None
    length = len(event.params.call_data)
    return _POINTER_TO_NEXT_WORD + data[start : start + _INFO_BYTES + length + -length % WORD]


def transfer_id_of(info: TransferInfo) -> TransferId:
    """Return the id that the contracts give a transfer: keccak256 of `encode_transfer_info`."""
    return TransferId(keccak(encode_transfer_info(info)))


def encode_transfer_info(info: TransferInfo) -> bytes:
    """Return Solidity's ``abi.encode(TransferInfo)``: one argument, and as it has a tail, a pointer comes first."""
    return _POINTER_TO_NEXT_WORD + _TRANSFER_INFO.write(info)


def encode_execute_args(info: TransferInfo) -> bytes:
    """Return ``abi.encode(ExecuteArgs)`` of an execution without routers, as a reconciled transfer's is."""
    return _POINTER_TO_NEXT_WORD + _EXECUTE_ARGS.write((info, (), (), _NO_ADDRESS, b""))


def encode_event(event: TransferEvent) -> tuple[tuple[bytes, ...], bytes]:
    """Return the topics and the data of a log that decodes to ``event``.

    Executed keeps neither sequencer nor signatures: blank ones of the usual size stand in, one for each router.
    """
    topic, indexed, data = _split(event)
    layout = _LAYOUTS[topic]
    words = layout.indexed.write(indexed)
    return (topic, words[:WORD], words[WORD : 2 * WORD], words[2 * WORD :]), layout.data.write(data)


def _split(event: TransferEvent) -> tuple[bytes, tuple[Any, ...], tuple[Any, ...]]:
    """Return the event's first topic, the values of its other topics, and those of its data."""
    if isinstance(event, XCalled):
        indexed: tuple[Any, ...] = (event.transfer_id, event.nonce, event.message_hash)
        return XCALLED_TOPIC, indexed, (event.params, event.asset, event.amount, event.local, event.message_body)
    if isinstance(event, Executed):
        signatures = [_BLANK_SIGNATURE] * len(event.routers)
        args = (event.params, event.routers, signatures, _NO_ADDRESS, b"".join(signatures[:1]))
        indexed = (event.transfer_id, event.to, event.asset)
        return EXECUTED_TOPIC, indexed, (args, event.local, event.amount, event.caller)
    indexed = (event.transfer_id, event.origin_domain, event.local)
    return RECONCILED_TOPIC, indexed, (event.routers, event.amount, event.caller)


def slim(event: TransferEvent) -> TransferEvent:
    """The event without its unbounded byte strings.

    Calldata and message body come from strangers and may be megabytes; once the transfer id has been checked against
    the parameters nothing here needs them again.
    """
    # Spelled out: `dataclasses.replace` takes three times as long, and every event comes through here.
    match event:
        case XCalled():
            return XCalled(
                event.transfer_id, event.nonce, event.message_hash, _without_call_data(event.params), event.asset,
                event.amount, event.local, b"",
            )  # fmt: skip
        case Executed():
            return Executed(
                event.transfer_id, event.to, event.asset, _without_call_data(event.params), event.routers, event.local,
                event.amount, event.caller,
            )  # fmt: skip
        case Reconciled():
            return event


def _without_call_data(info: TransferInfo) -> TransferInfo:
    if not info.call_data:
        return info
    return TransferInfo(
        info.origin_domain, info.destination_domain, info.canonical_domain, info.to, info.delegate, info.receive_local,
        b"", info.slippage, info.origin_sender, info.bridged_amount, info.normalized_in, info.nonce, info.canonical_id,
    )  # fmt: skip
