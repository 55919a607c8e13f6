"""Made-up chains and transfers, and a real database filled with them the way the transfer checker does it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations
from connext_monitor.core.decoding import transfer_id_of
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    ChainId,
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
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.labels import ChainLabel, ChainLabels, KnownTokens
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.core.unjudged import Unjudged
from connext_monitor.store.store import Store
from tests.world.recording import commit

ORIGIN, DESTINATION = DomainId(1001), DomainId(1002)
NAMES = {ORIGIN: "here", DESTINATION: "there"}
TOKENS = KnownTokens()
LABELS = ChainLabels(
    {ORIGIN: ChainLabel("here", "https://here.example"), DESTINATION: ChainLabel("there", "https://there.example")},
    TOKENS,
)
EXECUTE, RECONCILE = 300, 10800
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
START = int(AT.timestamp())
SENDER, RECIPIENT, ASSET, ROUTER = (Address(bytes([n]) * 20) for n in (0xAA, 0xBB, 0xCC, 0xDD))


@dataclass(frozen=True)
class Sample:
    """One made-up transfer: its three events as they may be seen."""

    nonce: int
    started_at: int = START
    origin: DomainId = ORIGIN
    destination: DomainId = DESTINATION
    amount: int = 5 * 10**18

    @property
    def info(self) -> TransferInfo:
        return TransferInfo(
            origin_domain=self.origin,
            destination_domain=self.destination,
            canonical_domain=self.origin,
            to=RECIPIENT,
            delegate=RECIPIENT,
            receive_local=False,
            call_data=b"",
            slippage=30,
            origin_sender=SENDER,
            bridged_amount=self.amount,
            normalized_in=self.amount,
            nonce=self.nonce,
            canonical_id=bytes(32),
        )

    @property
    def id(self) -> TransferId:
        return transfer_id_of(self.info)

    @property
    def hex_id(self) -> str:
        return f"0x{self.id.hex()}"

    def tx_hash(self, kind: str) -> Hash32:
        return Hash32(kind.encode().ljust(24, b"-") + self.nonce.to_bytes(8, "big"))

    def _record(
        self, kind: str, domain: DomainId, event: TransferEvent, at: int, tx_hash: Hash32 | None, log_index: int
    ) -> EventRecord:
        block = BlockRef(BlockNumber(at - START + 1000), Hash32(at.to_bytes(32, "big")), Timestamp(at))
        return EventRecord(domain, event, Sighting(block, tx_hash or self.tx_hash(kind), log_index))

    def xcalled(self, *, tx_hash: Hash32 | None = None, log_index: int = 0) -> EventRecord:
        event = XCalled(self.id, self.nonce, Hash32(bytes(32)), self.info, ASSET, self.amount, ASSET, b"")
        return self._record("xcalled", self.origin, event, self.started_at, tx_hash, log_index)

    def executed(self, after: int = 60, *, routers: tuple[Address, ...] = (ROUTER,)) -> EventRecord:
        event = Executed(self.id, RECIPIENT, ASSET, self.info, routers, ASSET, self.amount, SENDER)
        return self._record("executed", self.destination, event, self.started_at + after, None, 0)

    def reconciled(self, after: int = 3600) -> EventRecord:
        event = Reconciled(self.id, self.origin, ASSET, (ROUTER,), self.amount, SENDER)
        return self._record("reconciled", self.destination, event, self.started_at + after, None, 0)


def durations(_origin: DomainId, destination: DomainId) -> Durations | None:
    """Deadlines where the destination is one of ours."""
    return Durations(EXECUTE, RECONCILE) if destination in NAMES else None


async def fill(
    store: Store,
    records: Iterable[EventRecord],
    *,
    progress: Sequence[ChainProgress] = (),
    opened: Sequence[Alert] = (),
) -> None:
    """Record the events as seen in one batch, and with them alerts that no channel is told of."""
    await commit(store, ObservedChange(seen=tuple(records)), progress=progress, durations=durations, at=AT)
    for alert in opened:
        await store.alerts.open(alert, ())


def covered(domain: DomainId, *, first: int = 0, upcoming: int = 0, at: int = START) -> ChainProgress:
    """A chain that was read up to a block of that time, with its nonces."""
    block = BlockRef(BlockNumber(1200), Hash32(bytes(32)), Timestamp(at))
    return ChainProgress(domain, Coverage(BlockNumber(1), BlockNumber(1100), block), first, upcoming)


def chain_status(domain: DomainId = ORIGIN, *, at: int = START - 4) -> ChainStatus:
    """A chain about which all is well."""
    return ChainStatus(
        domain=domain,
        name=NAMES[domain],
        chain_id=ChainId(31337 + domain),
        head=BlockNumber(1201),
        coverage=covered(domain, at=at).coverage,
        observed=True,
        caught_up=True,
        endpoint="node.example",
        trouble=None,
    )


def unjudging(domain: DomainId = ORIGIN, *, legs: int = 3) -> ChainStatus:
    """A chain in sight that does not answer about legs which are past due."""
    refused = Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered: node.example refused eth_call")
    return replace(chain_status(domain), unjudged=Unjudged(legs, 130, refused))


def out_of_sight(domain: DomainId = ORIGIN, trouble: str = "node.example refused the connection") -> ChainStatus:
    """A chain that nothing is heard of."""
    return replace(chain_status(domain), observed=False, caught_up=False, trouble=trouble)
