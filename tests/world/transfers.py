"""Transfers made up for tests, with honest ids, and events of them standing where a test wants them."""

from hashlib import sha256

from connext_monitor.core.deadline import Durations
from connext_monitor.core.decoding import transfer_id_of
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    Executed,
    Hash32,
    Reconciled,
    Timestamp,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.transfer import EventRecord, Sighting

ALPHA, BETA, GAMMA = DomainId(1001), DomainId(1002), DomainId(1003)
ROUTER = Address(b"\x0a" * 20)
DURATIONS = Durations(execute=300, reconcile=10_800)


def durations(_origin: DomainId, destination: DomainId) -> Durations | None:
    """Alpha and beta are watched, gamma is not."""
    return DURATIONS if destination in {ALPHA, BETA} else None


def info(nonce: int = 0, origin: DomainId = ALPHA, destination: DomainId = BETA) -> TransferInfo:
    """A transfer's parameters; another nonce makes another transfer."""
    return TransferInfo(
        origin_domain=origin,
        destination_domain=destination,
        canonical_domain=origin,
        to=Address(b"\x01" * 20),
        delegate=Address(b"\x02" * 20),
        receive_local=False,
        call_data=b"",
        slippage=300,
        origin_sender=Address(b"\x03" * 20),
        bridged_amount=10**18,
        normalized_in=10**18,
        nonce=nonce,
        canonical_id=b"\x04" * 32,
    )


def sighting(number: int, timestamp: int | None = None, fork: str = "") -> Sighting:
    """A place in the block of this height; ``fork`` names another block at the same height."""
    block_hash = Hash32(sha256(f"{number}{fork}".encode()).digest())
    at = Timestamp(1_700_000_000 + number if timestamp is None else timestamp)
    return Sighting(BlockRef(BlockNumber(number), block_hash, at), Hash32(b"\x05" * 32), 0)


def xcalled(params: TransferInfo, seen_in: Sighting) -> EventRecord:
    """XCalled of the transfer, on its origin."""
    event = XCalled(
        transfer_id=transfer_id_of(params),
        nonce=params.nonce,
        message_hash=Hash32(b"\x06" * 32),
        params=params,
        asset=Address(b"\x07" * 20),
        amount=10**18,
        local=Address(b"\x08" * 20),
        message_body=b"",
    )
    return EventRecord(params.origin_domain, event, seen_in)


def executed(
    params: TransferInfo, seen_in: Sighting, routers: tuple[Address, ...] = (ROUTER,), domain: DomainId | None = None
) -> EventRecord:
    """Executed of the transfer, on its destination unless ``domain`` says otherwise."""
    event = Executed(
        transfer_id=transfer_id_of(params),
        to=params.to,
        asset=Address(b"\x09" * 20),
        params=params,
        routers=routers,
        local=Address(b"\x09" * 20),
        amount=10**18,
        caller=Address(b"\x0b" * 20),
    )
    return EventRecord(domain or params.destination_domain, event, seen_in)


def reconciled(params: TransferInfo, seen_in: Sighting, domain: DomainId | None = None) -> EventRecord:
    """Reconciled of the transfer, on its destination unless ``domain`` says otherwise."""
    event = Reconciled(
        transfer_id=transfer_id_of(params),
        origin_domain=params.origin_domain,
        local=Address(b"\x09" * 20),
        routers=(),
        amount=10**18,
        caller=Address(b"\x0c" * 20),
    )
    return EventRecord(domain or params.destination_domain, event, seen_in)
