"""What a Connext diamond says: its three transfer events, and where on a chain they stand.

Source of the shapes: the contracts of ``@connext/smart-contracts`` 2.4.0 (``BridgeFacet``, ``InboxFacet``).
Hashes, ids and addresses are raw bytes in here (32 and 20 of them); text is made at the edges.
"""

from enum import StrEnum
from typing import ClassVar, Final, Literal, NewType

from connext_monitor.core.structs import struct

DomainId = NewType("DomainId", int)
"""Connext's own number of a chain (6648936 for Ethereum); not the EVM chain id."""

Pathway = tuple[DomainId, DomainId]
"""The origin of a transfer and its destination."""

ChainId = NewType("ChainId", int)
"""The EVM chain id (1 for Ethereum)."""

BlockNumber = NewType("BlockNumber", int)

Timestamp = NewType("Timestamp", int)
"""A block's time, Unix seconds."""

Hash32 = NewType("Hash32", bytes)
"""A block or transaction hash: 32 bytes."""

TransferId = NewType("TransferId", bytes)
"""32 bytes: keccak256 of the ABI encoding of the transfer's `TransferInfo`."""

Address = NewType("Address", bytes)
"""20 bytes."""

ADDRESS_BYTES: Final = 20


class EventKind(StrEnum):
    """The three events a transfer is made of."""

    XCALLED = "xcalled"
    EXECUTED = "executed"
    RECONCILED = "reconciled"


# An enumeration's member takes four times as long to look up, and there are thousands of events in a batch.
XCALLED: Final = EventKind.XCALLED
EXECUTED: Final = EventKind.EXECUTED
RECONCILED: Final = EventKind.RECONCILED


@struct(frozen=True, slots=True)
class BlockRef:
    """One block: its height, its hash and its time."""

    number: BlockNumber
    hash: Hash32
    timestamp: Timestamp


@struct(frozen=True, slots=True)
class RawLog:
    """A log as an endpoint gave it, its hex read, nothing else believed yet."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: BlockNumber
    block_hash: Hash32
    tx_hash: Hash32
    log_index: int


@struct(frozen=True, slots=True)
class TransferInfo:
    """The parameters that make a transfer; their hash is its id.

    ``slippage`` is in 1/10000; ``normalized_in`` is the amount scaled to 18 decimals; amounts are base units.
    """

    origin_domain: DomainId
    destination_domain: DomainId
    canonical_domain: DomainId
    to: Address
    delegate: Address
    receive_local: bool
    call_data: bytes
    slippage: int
    origin_sender: Address
    bridged_amount: int
    normalized_in: int
    nonce: int
    canonical_id: bytes


@struct(frozen=True, slots=True)
class XCalled:
    """A transfer was asked for on its origin; ``amount`` is in base units of ``asset``, the token the user gave."""

    kind: ClassVar[Literal[EventKind.XCALLED]] = EventKind.XCALLED

    transfer_id: TransferId
    nonce: int
    message_hash: Hash32
    params: TransferInfo
    asset: Address
    amount: int
    local: Address
    message_body: bytes

    @property
    def origin(self) -> DomainId:
        """Where the transfer comes from."""
        return self.params.origin_domain

    @property
    def destination(self) -> DomainId:
        """Where it goes to."""
        return self.params.destination_domain


@struct(frozen=True, slots=True)
class Executed:
    """The recipient has the funds; ``routers`` is empty on the slow path, ``amount`` is after fee and swap."""

    kind: ClassVar[Literal[EventKind.EXECUTED]] = EventKind.EXECUTED

    transfer_id: TransferId
    to: Address
    asset: Address
    params: TransferInfo
    routers: tuple[Address, ...]
    local: Address
    amount: int
    caller: Address

    @property
    def origin(self) -> DomainId:
        """Where the transfer comes from."""
        return self.params.origin_domain

    @property
    def destination(self) -> DomainId:
        """Where it goes to."""
        return self.params.destination_domain

    @property
    def nonce(self) -> int:
        """The transfer's, on its origin."""
        return self.params.nonce

    @property
    def together(self) -> bytes:
        """The routers, one behind the other."""
        return b"".join(self.routers)


@struct(frozen=True, slots=True)
class Reconciled:
    """The proven message arrived; the ``routers`` that fronted the funds have them back."""

    kind: ClassVar[Literal[EventKind.RECONCILED]] = EventKind.RECONCILED

    transfer_id: TransferId
    origin_domain: DomainId
    local: Address
    routers: tuple[Address, ...]
    amount: int
    caller: Address

    @property
    def origin(self) -> DomainId:
        """Where the transfer comes from."""
        return self.origin_domain

    @property
    def together(self) -> bytes:
        """The routers, one behind the other."""
        return b"".join(self.routers)


TransferEvent = XCalled | Executed | Reconciled


@struct(frozen=True, slots=True)
class PackedXCalled:
    """An XCalled without its unbounded bytes, as it is stored: all of it is in the ``payload``, see `payload`."""

    kind: ClassVar[Literal[EventKind.XCALLED]] = EventKind.XCALLED

    transfer_id: TransferId
    origin: DomainId
    destination: DomainId
    nonce: int
    payload: bytes


@struct(frozen=True, slots=True)
class PackedExecuted:
    """The same of an Executed; ``fronted`` is what its routers fronted ``together``, in base units of ``local``."""

    kind: ClassVar[Literal[EventKind.EXECUTED]] = EventKind.EXECUTED

    transfer_id: TransferId
    origin: DomainId
    destination: DomainId
    nonce: int
    together: bytes
    local: Address
    fronted: int
    payload: bytes


@struct(frozen=True, slots=True)
class PackedReconciled:
    """The same of a Reconciled."""

    kind: ClassVar[Literal[EventKind.RECONCILED]] = EventKind.RECONCILED

    transfer_id: TransferId
    origin: DomainId
    together: bytes
    local: Address
    amount: int
    payload: bytes


PackedEvent = PackedXCalled | PackedExecuted | PackedReconciled
"""An event as it is stored, with what is looked at of nearly each: history is not taken apart to be packed again."""


@struct(frozen=True, slots=True)
class EventLog:
    """A log whose event was read as it came: the event without its unbounded bytes, and where it stands."""

    event: PackedEvent
    block_number: BlockNumber
    block_hash: Hash32
    tx_hash: Hash32
    log_index: int


SeenLog = RawLog | EventLog
"""A log as an endpoint gave it, or what was read of it at once."""
