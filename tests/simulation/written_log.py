"""Logs and headers as endpoints write them: real ABI encoding and real bloom filters, made once and kept as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.decoding import encode_event, transfer_id_of
from connext_monitor.core.events import (
    Address,
    DomainId,
    Executed,
    Hash32,
    Reconciled,
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.keccak import keccak
from tests.simulation.facts import Event
from tests.simulation.routers import BASE_UNITS, LiquidityChange, delivered
from tests.simulation.sayings import Saying
from tests.simulation.story import Deed, Transfer

ASSET, _RELAYER = (Address(bytes([byte]) * 20) for byte in (0xA5, 0x4E))
_FIRST_ROUTER = 0x40
_NOTHING = Address(bytes(20))
_BYTES = bytes(range(256))


_NO_TRANSFER = TransferInfo(
    DomainId(0), DomainId(0), DomainId(0), _NOTHING, _NOTHING, False, b"", 0, _NOTHING, 0, 0, 0, bytes(32)
)  # fmt: skip


@dataclass(slots=True)
class WrittenLog:
    """What one event writes, wherever its transaction is mined; ``json`` is all of it that no block changes.

    ``topics`` and ``data`` are hex with 0x. Beside transfers it ``says`` something, about none of them. A router's
    liquidity it ``moves``: its number, and by how many whole tokens.
    """

    event: Event
    transfer: int
    transfer_id: TransferId
    info: TransferInfo
    honest: bool
    fast: bool
    topics: tuple[str, ...]
    data: str
    json: bytes
    bloom: int
    says: Saying | None = None
    moves: tuple[int, int] | None = None


@lru_cache(64)
def contract_of(domain: int) -> Address:
    """The diamond of a chain."""
    return Address(b"\xc0" * 16 + domain.to_bytes(4))


def info_of(transfer: Transfer, index: int, nonce: int) -> TransferInfo:
    """What the transfer at a position of the story is called with, once it has its nonce."""
    return TransferInfo(
        origin_domain=DomainId(transfer.origin),
        destination_domain=DomainId(transfer.destination),
        canonical_domain=DomainId(transfer.origin),
        to=Address(b"\x70" * 16 + index.to_bytes(4)),
        delegate=Address(b"\xde" * 20),
        receive_local=index % 7 == 0,
        call_data=_call_data(index, transfer.calldata),
        slippage=30,
        origin_sender=Address(b"\x5e" * 20),
        bridged_amount=transfer.amount,
        normalized_in=transfer.amount,
        nonce=nonce,
        canonical_id=ASSET.rjust(32, b"\0") if transfer.amount else bytes(32),
    )


def _call_data(index: int, size: int) -> bytes:
    """Bytes that differ from those of the next transfers."""
    first = index & 0xFF
    return (_BYTES * (size // len(_BYTES) + 2))[first : first + size]


def write_xcalled(transfer: Transfer, index: int, nonce: int) -> WrittenLog:
    """The log of its XCalled."""
    info = info_of(transfer, index, nonce)
    asset = _asset(transfer)
    event = XCalled(transfer_id_of(info), nonce, Hash32(bytes(32)), info, asset, transfer.amount, asset, b"\x01" * 100)
    return _write(event, Event.XCALLED, transfer, index, info, transfer.origin)


def write_executed(
    transfer: Transfer, index: int, info: TransferInfo, transfer_id: TransferId | None = None
) -> WrittenLog:
    """The log of its Executed, which says something else than was called if that is its deed.

    The ``transfer_id`` is that of the ``info``; it need not be known.
    """
    said = replace(info, to=_NOTHING, bridged_amount=info.bridged_amount + 1) if is_mismatch(transfer) else info
    amount = delivered(transfer.amount, fast=transfer.fast)
    routers = (router_address(transfer.router),) if transfer.fast else ()
    asset = _asset(transfer)
    event = Executed(transfer_id or transfer_id_of(info), said.to, asset, said, routers, asset, amount, _RELAYER)
    return _write(event, Event.EXECUTED, transfer, index, info, transfer.destination)


def write_reconciled(
    transfer: Transfer, index: int, info: TransferInfo, transfer_id: TransferId | None = None
) -> WrittenLog:
    """The log of its Reconciled; ``transfer_id`` as above."""
    routers = (router_address(transfer.router),) if transfer.fast else ()
    origin, asset = DomainId(transfer.origin), _asset(transfer)
    event = Reconciled(transfer_id or transfer_id_of(info), origin, asset, routers, transfer.amount, _RELAYER)
    return _write(event, Event.RECONCILED, transfer, index, info, transfer.destination)


def unreadable(log: WrittenLog) -> WrittenLog:
    """The same log with too little data for its event."""
    data = log.data[:66]
    json = log.json.replace(log.data.encode(), data.encode())
    return replace(log, event=Event.UNREADABLE, data=data, json=json)


def forged_data(log: WrittenLog) -> str:
    """The data of an Executed, but with somebody else in it who was to get the funds."""
    return log.data.replace(log.info.to.hex(), _NOTHING.hex())


def is_mismatch(transfer: Transfer) -> bool:
    """Whether something else is delivered than was called."""
    return transfer.deed is Deed.MISMATCH


def _asset(transfer: Transfer) -> Address:
    return ASSET if transfer.amount else _NOTHING


def _write(
    event: TransferEvent, kind: Event, transfer: Transfer, index: int, info: TransferInfo, domain: int
) -> WrittenLog:
    topics, data = encode_event(event)
    honest = kind is not Event.EXECUTED or not is_mismatch(transfer)
    written = _written(contract_of(domain), topics, data)
    return WrittenLog(kind, index, TransferId(event.transfer_id), info, honest, transfer.fast, *written)


def write_saying(says: Saying, index: int, domain: int) -> WrittenLog:
    """The log of what a chain's diamond says besides transfers; ``index`` tells whom about."""
    kind = BRIDGE_EVENTS[says]
    somebody, caller = Address(b"\xaa" * 16 + index.to_bytes(4)), Address(b"\x0c" * 20)
    values = {
        "account": somebody,
        "amount": 10**18 + index,
        "caller": caller,
        "cuts": [(somebody, 0, [b"\1\2\3\4"])],
        "deadline": index,
        "init": _NOTHING,
        "init_bytes": b"",
        "key": bytes(32),
        "local": ASSET,
        "new_owner": somebody,
        "previous_owner": caller,
        "relayer": somebody,
        "renounced": True,
        "role": 2,
        "router": somebody,
        "sequencer": somebody,
    }
    topics, data = kind.encode(**values)
    written = _written(contract_of(domain), topics, data)
    return WrittenLog(Event.BESIDE, -1, TransferId(bytes(32)), _NO_TRANSFER, True, False, *written, says)


def write_liquidity(change: LiquidityChange) -> WrittenLog:
    """The log of what a router adds or removes on a chain."""
    says = Saying.ROUTER_LIQUIDITY_ADDED if change.tokens > 0 else Saying.ROUTER_LIQUIDITY_REMOVED
    router, caller = router_address(change.router), Address(b"\x0c" * 20)
    values = {
        "router": router,
        "to": router,
        "local": ASSET,
        "key": bytes(32),
        "amount": abs(change.tokens) * BASE_UNITS,
        "caller": caller,
    }
    kind = BRIDGE_EVENTS[says]
    topics, data = kind.encode(**{name: values[name] for name in values if name != "to" or change.tokens < 0})
    written = _written(contract_of(change.domain), topics, data)
    moves = change.router, change.tokens
    return WrittenLog(Event.BESIDE, -1, TransferId(bytes(32)), _NO_TRANSFER, True, False, *written, says, moves)


def router_address(number: int) -> Address:
    """That of a router by its number; number 0 fronts what is fast where the story says nothing else."""
    return Address(bytes([_FIRST_ROUTER + number]) * 20)


def _written(contract: Address, topics: Sequence[bytes], data: bytes) -> tuple[tuple[str, ...], str, bytes, int]:
    """The topics and the data as hex, all that no block changes as JSON, and what is set in a bloom filter."""
    named, hex_data = tuple(f"0x{topic.hex()}" for topic in topics), f"0x{data.hex()}"
    listed = '","'.join(named)
    json = f'{{"address":"0x{contract.hex()}","topics":["{listed}"],"data":"{hex_data}",'.encode()
    bloom = bloom_of(contract) | bloom_of(topics[0])
    for topic in topics[1:]:
        bloom |= bloom_of.__wrapped__(topic)
    return named, hex_data, json, bloom


@lru_cache(64)
def bloom_of(value: bytes) -> int:
    """The three bits that an address or a topic sets in a block's filter (Ethereum's yellow paper, 4.3.1)."""
    digest = keccak(value)
    mask = 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[at : at + 2]) & 2047)
    return mask
