"""Made-up transfers between made-up chains, seen in made-up blocks."""

from dataclasses import dataclass

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
    TransferEvent,
    TransferId,
    TransferInfo,
    XCalled,
)
from connext_monitor.core.transfer import EventRecord, Sighting

ORIGIN, DESTINATION, ELSEWHERE = DomainId(1001), DomainId(1002), DomainId(1003)
DURATIONS = Durations(execute=30, reconcile=70)
ASSET, LOCAL, SENDER, RECIPIENT, ROUTER = (Address(bytes([n]) * 20) for n in (0xA1, 0xA2, 0xA3, 0xA4, 0xA5))


def block(number: int, *, fork: int = 0, salt: int = 0, at: int | None = None) -> BlockRef:
    """A block; another ``fork`` is another block at the same height, a second later unless ``at`` says when."""
    block_hash = Hash32(b"".join(n.to_bytes(8, "big") for n in (0xB10C, salt, number, fork)))
    return BlockRef(BlockNumber(number), block_hash, Timestamp(1000 + 10 * number + fork if at is None else at))


def durations(_origin: DomainId, destination: DomainId) -> Durations | None:
    """Deadlines where the destination is one of ours."""
    return DURATIONS if destination in {ORIGIN, DESTINATION} else None


@dataclass(frozen=True)
class Sample:
    """One transfer, and its events wherever they are to be seen."""

    nonce: int = 0
    origin: DomainId = ORIGIN
    destination: DomainId = DESTINATION
    call_data: bytes = b""

    @property
    def info(self) -> TransferInfo:
        return TransferInfo(
            origin_domain=self.origin,
            destination_domain=self.destination,
            canonical_domain=self.origin,
            to=RECIPIENT,
            delegate=RECIPIENT,
            receive_local=False,
            call_data=self.call_data,
            slippage=30,
            origin_sender=SENDER,
            bridged_amount=5,
            normalized_in=5,
            nonce=self.nonce,
            canonical_id=bytes(32),
        )

    @property
    def id(self) -> TransferId:
        return transfer_id_of(self.info)

    def xcalled(self, at: BlockRef, *, domain: DomainId | None = None, body: bytes = b"") -> EventRecord:
        event = XCalled(self.id, self.nonce, Hash32(bytes(32)), self.info, ASSET, 7, LOCAL, body)
        return self._seen(event, at, self.origin if domain is None else domain, 0)

    def executed(
        self, at: BlockRef, *, domain: DomainId | None = None, routers: tuple[Address, ...] = (ROUTER,)
    ) -> EventRecord:
        event = Executed(self.id, RECIPIENT, ASSET, self.info, routers, LOCAL, 6, SENDER)
        return self._seen(event, at, self.destination if domain is None else domain, 1)

    def reconciled(self, at: BlockRef, *, domain: DomainId | None = None) -> EventRecord:
        event = Reconciled(self.id, self.origin, LOCAL, (ROUTER,), 5, SENDER)
        return self._seen(event, at, self.destination if domain is None else domain, 2)

    def _seen(self, event: TransferEvent, at: BlockRef, domain: DomainId, log_index: int) -> EventRecord:
        tx_hash = Hash32(at.hash[8:] + bytes([log_index]) + self.nonce.to_bytes(7, "big"))
        return EventRecord(domain, event, Sighting(at, tx_hash, log_index))
