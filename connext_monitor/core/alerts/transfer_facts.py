"""What is said of a transfer in words: the facts and links of every message about it, and the rows of its details."""

from connext_monitor.core.alerts.message import Field, Link
from connext_monitor.core.amount import transfer_amount
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer


def party_fields(transfer: Transfer | None, transfer_id: str, labels: ChainLabels) -> list[Field]:
    """Which transfer it is, and where it is known, how much of what it moves, from whom and to whom."""
    fields = [Field("Transfer", transfer_id)]
    if transfer is not None and transfer.info is not None:
        fields.append(Field("Amount", amount_of(transfer, labels)))
        fields.append(Field("From", to_checksum_address(transfer.info.origin_sender)))
        fields.append(Field("To", to_checksum_address(transfer.info.to)))
    return fields


def detail_rows(transfer: Transfer, labels: ChainLabels) -> list[tuple[str, str]]:
    """What the transfer is, name by name, as the page and the command line show it."""
    info = transfer.info
    rows = [
        ("From", f"{labels.display_name(transfer.origin)} (domain {transfer.origin})"),
        ("To", f"{labels.display_name(transfer.destination)} (domain {transfer.destination})"),
    ]
    if info is not None:
        rows += [
            ("Amount", amount_of(transfer, labels)),
            ("Sender", to_checksum_address(info.origin_sender)),
            ("Recipient", to_checksum_address(info.to)),
            ("Nonce", str(info.nonce)),
        ]
    return [*rows, *(("Router", to_checksum_address(router)) for router in transfer.routers)]


def router_fields(transfer: Transfer | None) -> list[Field]:
    """The routers that fronted the funds, the first five; none where nobody is known to have."""
    if transfer is None or not transfer.routers:
        return []
    return [Field("Routers", ", ".join(to_checksum_address(router) for router in transfer.routers[:5]))]


def amount_of(transfer: Transfer, labels: ChainLabels) -> str:
    """What a transfer moves, in words: the amount, the token's own symbol where it is known, the token's address."""
    amount = transfer_amount(transfer, labels)
    return "0 (a message without funds)" if amount is None else amount.full


def explorer_links(transfer: Transfer | None, labels: ChainLabels) -> tuple[Link, ...]:
    """The explorers' pages of what has happened at both ends; where nothing has yet, of the account there."""
    if transfer is None:
        return ()
    events = (
        ("XCalled", transfer.origin, transfer.xcalled),
        ("Executed", transfer.destination, transfer.executed),
        ("Reconciled", transfer.destination, transfer.reconciled),
    )
    links = [(name, labels.tx_link(domain, sighting.tx_hash)) for name, domain, sighting in events if sighting]
    if transfer.info is not None and transfer.xcalled is None:
        links.insert(0, ("Sender", labels.address_link(transfer.origin, transfer.info.origin_sender)))
    if transfer.info is not None and transfer.executed is None:
        links.append(("Recipient", labels.address_link(transfer.destination, transfer.info.to)))
    return tuple(Link(name, url) for name, url in links if url)
