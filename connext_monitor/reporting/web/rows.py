"""Transfers and alerts as the page's tables show them: every value a word, a number or an instant, no markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connext_monitor.core.alerts.alert import Alert, compose
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.amount import Amount, transfer_amount
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_words import bridge_words_on, made_by
from connext_monitor.core.deadline import DeadlineState, Leg, sighting_of
from connext_monitor.core.delivery import Change
from connext_monitor.core.delivery_records import DeliveryRecord, DeliveryStatus
from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.formats import hex_text
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Sighting
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.core.words import duration_words
from connext_monitor.reporting.web.summary import Level


@dataclass(frozen=True, slots=True)
class LegCell:
    """How one leg stands: a state's word (None where it has no deadline), when it is due, when it came (Unix seconds).

    ``took`` is how long after XCalled it came, in words.
    """

    leg: Leg
    state: DeadlineState | None
    due_at: int | None
    arrived_at: int | None
    took: str | None


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer in a list.

    ``amount`` is None where it moves no funds, and where its params have not been ``seen``.
    """

    id: str
    status: str
    path: str | None
    origin: str
    destination: str
    amount: Amount | None
    seen: bool
    started_at: int
    legs: tuple[LegCell, ...]


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event of a transfer's timeline; ``at`` is None where it has not been seen."""

    name: str
    chain: str
    at: int | None
    after: str | None
    block: int | None
    tx_hash: str | None
    link: str | None
    leg: LegCell | None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One piece of news on its way to one channel, in words; ``at`` is when it was taken, refused, or is tried next."""

    provider: str
    news: str
    level: Level
    words: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertCard:
    """One alert with what it says, until when it is silenced, what became of its news, how many it ``inhibits``."""

    alert: Alert
    message: Message
    silenced_until: datetime | None
    deliveries: tuple[DeliveryRow, ...]
    inhibits: int = 0


@dataclass(frozen=True, slots=True)
class BridgeEventRow:
    """One event of the bridge besides its transfers; ``at`` in Unix seconds, ``by`` where the event says who did it."""

    key: str
    kind: str
    chain: str
    words: str
    by: str | None
    by_link: str | None
    at: int
    tx_hash: str
    link: str | None


def bridge_event_row(record: BridgeRecord, labels: ChainLabels) -> BridgeEventRow:
    """The event in words."""
    by = made_by(record.event)
    return BridgeEventRow(
        key=f"{record.tx_hash.hex()}:{record.event.digest.hex()}:{record.ordinal}:{record.block.hash.hex()}",
        kind=record.event.kind,
        chain=labels.display_name(record.domain),
        words=bridge_words_on(record.domain, record.event, labels),
        by=by,
        by_link=labels.address_link(record.domain, Address(bytes.fromhex(by[2:]))) if by else None,
        at=record.block.timestamp,
        tx_hash=hex_text(record.tx_hash),
        link=labels.tx_link(record.domain, record.tx_hash),
    )


def transfer_row(view: TransferView, labels: ChainLabels, now: float) -> TransferRow:
    """The transfer at ``now`` (Unix seconds)."""
    transfer = view.transfer
    return TransferRow(
        id=hex_text(transfer.transfer_id),
        status=transfer.status.value,
        path=transfer.path.value if transfer.path else None,
        origin=labels.display_name(transfer.origin),
        destination=labels.display_name(transfer.destination),
        amount=transfer_amount(transfer, labels),
        seen=transfer.info is not None,
        started_at=transfer.started_at,
        legs=tuple(leg_cell(view, leg, now) for leg in Leg),
    )


def leg_cell(view: TransferView, leg: Leg, now: float) -> LegCell:
    """The state of the leg at ``now`` (Unix seconds)."""
    seen, start = sighting_of(view.transfer, leg), view.transfer.xcalled
    took = max(0, seen.block.timestamp - start.block.timestamp) if seen and start else None
    return LegCell(
        leg=leg,
        state=view.state(leg, now),
        due_at=view.due.of(leg) if view.due else None,
        arrived_at=seen.block.timestamp if seen else None,
        took=duration_words(took) if took is not None else None,
    )


def transfer_timeline(view: TransferView, labels: ChainLabels, now: float) -> list[TimelineEvent]:
    """The three events in the order in which they are owed."""
    transfer = view.transfer
    return [
        _event("XCalled", transfer.xcalled, transfer.origin, view, labels, None),
        *(
            _event(name, sighting_of(transfer, leg), transfer.destination, view, labels, leg_cell(view, leg, now))
            for name, leg in (("Executed", Leg.EXECUTE), ("Reconciled", Leg.RECONCILE))
        ),
    ]


def alert_card(
    alert: Alert,
    about: TransferView | None,
    labels: ChainLabels,
    silences: Sequence[Silence] = (),
    deliveries: Sequence[DeliveryRecord] = (),
    inhibits: int = 0,
) -> AlertCard:
    """The alert as it is now."""
    message = compose(alert, about.transfer if about else None, labels)
    covering = [silence.until for silence in silences if alert.resolved_at is None and silence.covers(alert, labels)]
    rows = tuple(delivery_row(record) for record in deliveries)
    return AlertCard(alert, message, max(covering, default=None), rows, inhibits)


_NEWS: Mapping[Change, str] = {
    Change.OPENED: "opening",
    Change.CHANGED: "change",
    Change.RESOLVED: "end",
}


def delivery_row(record: DeliveryRecord) -> DeliveryRow:
    """What became of one piece of news."""
    level, words, at = _delivery_words(record, " in a digest" if record.in_digest else "")
    return DeliveryRow(record.provider, _NEWS[record.change], level, words, at)


def _delivery_words(record: DeliveryRecord, where: str) -> tuple[Level, str, datetime | None]:
    match record.state:
        case DeliveryStatus.TAKEN:
            return Level.FINE, f"delivered{where}", record.done_at
        case DeliveryStatus.REFUSED:
            return Level.CRITICAL, f"refused{where}: {record.reason}", record.done_at
        case DeliveryStatus.WAITING if record.attempts:
            tries = "once" if record.attempts == 1 else f"{record.attempts} times"
            return Level.WARNING, f"failed {tries}{where} ({record.reason}); next attempt", record.next_attempt_at
        case DeliveryStatus.WAITING:
            return Level.INFO, f"waiting to be delivered{where}", None


def _event(
    name: str, seen: Sighting | None, domain: DomainId, view: TransferView, labels: ChainLabels, leg: LegCell | None
) -> TimelineEvent:
    if seen is None:
        return TimelineEvent(name, labels.display_name(domain), None, None, None, None, None, leg)
    return TimelineEvent(
        name=name,
        chain=labels.display_name(domain),
        at=seen.block.timestamp,
        after=_after(view.transfer.xcalled, seen) if leg else None,
        block=seen.block.number,
        tx_hash=hex_text(seen.tx_hash),
        link=labels.tx_link(domain, seen.tx_hash),
        leg=leg,
    )


def _after(start: Sighting | None, seen: Sighting) -> str | None:
    if start is None:
        return None
    seconds = seen.block.timestamp - start.block.timestamp
    # Two chains stamp their blocks by two clocks.
    return f"{duration_words(seconds)} after XCalled" if seconds >= 0 else f"{duration_words(-seconds)} before XCalled"
