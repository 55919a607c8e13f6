"""A drill: a made-up alert, marked as one, through a channel's real send."""

from dataclasses import replace
from datetime import datetime, timedelta

from connext_monitor.alerting.notice import AlertNotice, Provider
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert, compose
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, OverdueDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import DueDates, Leg
from connext_monitor.core.delivery import Change, Outcome, Sent
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
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Sighting, Transfer
from connext_monitor.core.transfer_view import TransferView

_ID = bytes.fromhex("d0") * 32
_NO_ADDRESS = Address(bytes.fromhex("dead".rjust(40, "0")))
_AMOUNT = 123 * 10**16
_SENT_BEFORE, _DUE_BEFORE = timedelta(minutes=6), timedelta(minutes=1)
_PREFACE = "This is a drill, sent to test this channel: there is no such transfer, and nothing is late."


async def drill(provider: Provider, labels: ChainLabels, clock: Clock) -> list[tuple[Change, Outcome]]:
    """Send a made-up ``execute_overdue``, opened and then resolved; what the channel answered to each.

    When the opening is not taken there is nothing to resolve, and the list ends with it.
    """
    now = clock.now().replace(microsecond=0)
    opened = await provider.send(opening(labels, now), None)
    if not isinstance(opened, Sent):
        return [(Change.OPENED, opened)]
    resolved = await provider.send(resolving(labels, now), opened.reference)
    return [(Change.OPENED, opened), (Change.RESOLVED, resolved)]


def opening(labels: ChainLabels, now: datetime) -> AlertNotice:
    """The drill's alert as it opens."""
    return _notice(Change.OPENED, _alert(now), _transfer(labels, now, executed=False), labels, now)


def resolving(labels: ChainLabels, now: datetime) -> AlertNotice:
    """The same alert, resolved because the made-up transfer arrived at ``now``."""
    alert = _alert(now).resolved(Resolution.EXECUTED, now)
    return _notice(Change.RESOLVED, alert, _transfer(labels, now, executed=True), labels, now)


def _notice(change: Change, alert: Alert, transfer: Transfer, labels: ChainLabels, now: datetime) -> AlertNotice:
    message = compose(alert, transfer, labels)
    due = DueDates(_at(now - _DUE_BEFORE), _at(now + timedelta(hours=3)))
    still_overdue = frozenset({Leg.EXECUTE} if change is Change.OPENED else set())
    return AlertNotice(
        key=f"{alert.id}:{change}",
        thread=alert.id,
        change=change,
        alert=alert,
        message=replace(message, drill=True, text=f"{_PREFACE} {message.text}"),
        transfer=TransferView(transfer, due, still_overdue),
        created_at=now,
        drill=True,
    )


def _alert(now: datetime) -> Alert:
    alert = EXECUTE_OVERDUE.open(TransferId(_ID), now, OverdueDetails(due_at=_at(now - _DUE_BEFORE)))
    return replace(alert, id=f"drill:{now:%Y%m%dT%H%M%SZ}")


def _transfer(labels: ChainLabels, now: datetime, *, executed: bool) -> Transfer:
    domains = [*labels.by_domain, DomainId(1), DomainId(2)]
    origin, destination = domains[:2]
    info = TransferInfo(
        origin_domain=origin,
        destination_domain=destination,
        canonical_domain=origin,
        to=_NO_ADDRESS,
        delegate=_NO_ADDRESS,
        receive_local=False,
        call_data=b"",
        slippage=0,
        origin_sender=_NO_ADDRESS,
        bridged_amount=_AMOUNT,
        normalized_in=_AMOUNT,
        nonce=0,
        canonical_id=bytes(32),
    )
    return Transfer(
        transfer_id=TransferId(_ID),
        origin=origin,
        destination=destination,
        info=info,
        asset=_NO_ADDRESS,
        amount=_AMOUNT,
        routers=(_NO_ADDRESS,) if executed else (),
        xcalled=_sighting(now - _SENT_BEFORE),
        executed=_sighting(now) if executed else None,
        reconciled=None,
    )


def _sighting(at: datetime) -> Sighting:
    return Sighting(BlockRef(BlockNumber(0), Hash32(_ID), _at(at)), Hash32(_ID), 0)


def _at(instant: datetime) -> Timestamp:
    return Timestamp(int(instant.timestamp()))
