"""A transfer that is late, the alerts about it, and the notices of these."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connext_monitor.alerting.notice import AlertNotice, Notice
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.cause import Cause
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import DueDates, Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    Hash32,
    Timestamp,
    TransferId,
    TransferInfo,
)
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.transfer import Sighting, Transfer
from connext_monitor.core.transfer_view import TransferView
from tests.world.kinds import chain_unobserved, overdue

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SENT_AT = Timestamp(int(NOW.timestamp()) - 360)
DUE_AT = Timestamp(SENT_AT + 300)
ORIGIN, DESTINATION = DomainId(6648936), DomainId(6778479)
LABELS = ChainLabels(
    {
        ORIGIN: ChainLabel("ethereum", "https://origin.example"),
        DESTINATION: ChainLabel("gnosis", "https://destination.example"),
    }
)
TRANSFER_ID = TransferId(bytes(range(32)))
SENDER, RECIPIENT, TOKEN, ROUTER = (Address(bytes([n]) * 20) for n in (1, 2, 3, 4))


ENDS_OF_LIFE = (Change.OPENED, Change.RESOLVED)
"""What of a single alert is told."""


def sighting(timestamp: int, number: int = 7, block_hash: bytes = b"\xab" * 32) -> Sighting:
    return Sighting(BlockRef(BlockNumber(number), Hash32(block_hash), Timestamp(timestamp)), Hash32(b"\xcd" * 32), 0)


INFO = TransferInfo(
    origin_domain=ORIGIN,
    destination_domain=DESTINATION,
    canonical_domain=ORIGIN,
    to=RECIPIENT,
    delegate=SENDER,
    receive_local=False,
    call_data=b"",
    slippage=30,
    origin_sender=SENDER,
    bridged_amount=1_499_000,
    normalized_in=15 * 10**17,
    nonce=2**60,
    canonical_id=bytes(32),
)
LATE = Transfer(
    transfer_id=TRANSFER_ID,
    origin=ORIGIN,
    destination=DESTINATION,
    info=INFO,
    asset=TOKEN,
    amount=1_500_000,
    routers=(),
    xcalled=sighting(SENT_AT),
    executed=None,
    reconciled=None,
)
ARRIVED = replace(LATE, routers=(ROUTER,), executed=sighting(DUE_AT + 75, number=9))
DUE = DueDates(DUE_AT, Timestamp(SENT_AT + 3 * 3600))

OPENED = overdue(TRANSFER_ID, Leg.EXECUTE, DUE_AT, NOW)
RESOLVED = replace(
    OPENED, state=AlertState.RESOLVED, resolved_at=NOW + timedelta(seconds=20), resolution=Resolution.EXECUTED
)
UNOBSERVED = chain_unobserved("gnosis", NOW, silent_for=125, waiting=3, why="no endpoint answers")


def transfer_alert(number: int) -> Alert:
    """One of many alerts that differ in their transfer only."""
    return overdue(TransferId(number.to_bytes(32)), Leg.EXECUTE, DUE_AT, NOW)


def notice(change: Change = Change.OPENED, message: Message | None = None, *, drill: bool = False) -> AlertNotice:
    """A notice about the late transfer, saying ``message`` if one is given."""
    alert, transfer = (OPENED, LATE) if change is Change.OPENED else (RESOLVED, ARRIVED)
    return AlertNotice(
        key=f"{alert.id}:{change}",
        thread=alert.id,
        change=change,
        alert=alert,
        message=message or replace(compose(alert, transfer, LABELS), drill=drill),
        transfer=TransferView(transfer, DUE, frozenset({Leg.EXECUTE}) if change is Change.OPENED else frozenset()),
        created_at=NOW,
        drill=drill,
    )


def digest_notice(change: Change, message: Message) -> Notice:
    """A notice about a group, saying this."""
    return Notice(key=f"group 1:{change}", thread="group 1", change=change, message=message, created_at=NOW)


async def no_causes(_transfer: Transfer, _leg: Leg) -> tuple[Cause, ...]:
    """For a scheduler whose alerts need no token's name and no cause."""
    return ()
