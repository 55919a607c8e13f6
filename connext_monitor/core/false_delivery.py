"""What the alerts about false deliveries say: one that was never sent, and one of something else than was sent."""

from collections.abc import Iterator

from connext_monitor.core.alert import Alert, AlertKind, AlertState
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import DomainId, Hash32
from connext_monitor.core.facts import Field, Instant, Link, Message, links_of, party_fields, routers_of
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.transfer import Transfer


def false_delivery(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
    """The message about such a delivery; ``transfer`` is the one whose id it claims, where that is known."""
    return (_phantom if alert.kind is AlertKind.PHANTOM_DELIVERY else _mismatch)(alert, transfer, labels)


def _phantom(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
    origin, destination = (
        map(labels.display_name, alert.pathway) if alert.pathway else ("its origin", "its destination")
    )
    where = f"{origin} → {destination}"
    nonce, holder = alert.details["nonce"], alert.details.get("holder")
    fields = [
        *(party_fields(transfer, labels) if transfer else [Field("Transfer", alert.subject)]),
        Field("Nonce", str(nonce)),
    ]
    if alert.resolution == "reorged":
        title, text = f"Phantom delivery taken back: {where}", f"A reorg took the delivery from {destination}."
    elif alert.state is AlertState.RESOLVED:
        title = f"Origin found: {where}"
        text = f"The transfer's XCalled has been found on {origin}: the delivery is a true one."
    else:
        title = f"Phantom delivery: {where}"
        held = f"its nonce {nonce} belongs to another transfer there" if holder else f"nonce {nonce} has not been given"
        text = (
            f"{destination} paid out a transfer that was never sent: {origin} has no XCalled of it, and {held}. "
            "Whoever signs for routers or relays messages may be compromised."
        )
    if holder:
        fields.append(Field("Nonce held by", str(holder)))
    if transfer and transfer.executed:
        fields.append(Field("Executed", Instant(transfer.executed.block.timestamp)))
    if transfer and transfer.routers:
        fields.append(routers_of(transfer))
    links = links_of(transfer, labels) if transfer else ()
    return Message(title, text, alert.severity, alert.state is AlertState.RESOLVED, tuple(fields), links)


def _mismatch(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Message:
    details = alert.details
    origin, destination = (labels.display_name(DomainId(int(details[end]))) for end in ("origin", "destination"))
    where = f"{origin} → {destination}"
    resolved = alert.state is AlertState.RESOLVED
    if resolved:
        title, text = f"Delivery mismatch taken back: {where}", f"A reorg took the delivery from {destination}."
    else:
        title = f"Delivery mismatch: {where}"
        text = (
            f"{destination} says that it executed this transfer, but {_WRONG[Mismatch(str(details['wrong']))]}. "
            f"{_compared(alert, transfer)} Whoever controls the bridge's contracts there may be compromised."
        )
    fields = [
        *(party_fields(transfer, labels) if transfer else [Field("Transfer", alert.subject)]),
        Field("Delivered to", to_checksum_address(str(details["to"]))),
        Field("Delivered from", to_checksum_address(str(details["sender"]))),
        Field("Delivered", f"{details['bridged_amount']} base units, by nonce {details['nonce']} of {origin}"),
        Field("Executed", Instant(int(details["executed_at"]))),
    ]
    return Message(
        title, text, alert.severity, resolved, tuple(fields), tuple(_mismatch_links(alert, transfer, labels))
    )


_WRONG = {
    Mismatch.PARAMS: "what it delivered does not hash to the transfer's id",
    Mismatch.RECIPIENT: "it paid another recipient than the transfer names",
}


def _compared(alert: Alert, transfer: Transfer | None) -> str:
    """How the delivery differs from what was sent, where that is known."""
    if transfer is None or transfer.info is None:
        return "No XCalled of this id is known."
    info, details = transfer.info, alert.details
    pairs = {
        "recipient": (f"0x{info.to.hex()}", details["to"]),
        "sender": (f"0x{info.origin_sender.hex()}", details["sender"]),
        "amount": (str(info.bridged_amount), details["bridged_amount"]),
        "nonce": (str(info.nonce), details["nonce"]),
        "origin": (info.origin_domain, details["origin"]),
    }
    differing = [name for name, (sent, delivered) in pairs.items() if sent != delivered]
    if not differing:
        return "It differs from what was sent in something else than its parties, amount and nonce."
    return f"It differs from what was sent in its {', '.join(differing)}."


def _mismatch_links(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> Iterator[Link]:
    if transfer is not None:
        yield from (link for link in links_of(transfer, labels) if link.name == "XCalled")
    tx_hash = bytes.fromhex(str(alert.details["tx_hash"])[2:])
    url = labels.tx_link(DomainId(int(alert.details["destination"])), Hash32(tx_hash))
    if url is not None:
        yield Link("Executed", url)
