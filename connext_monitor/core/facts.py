"""What messages are made of: words, named facts and links, and those that every message about a transfer holds."""

from dataclasses import dataclass

from connext_monitor.core.alert import Severity
from connext_monitor.core.amount import transfer_amount
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Link:
    """A link with a name of our own; the URL is built from an explorer that the operator configured."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment that the reader wants in local time; Unix seconds."""

    timestamp: int


@dataclass(frozen=True, slots=True)
class Field:
    """One fact, named."""

    name: str
    value: str | Instant


@dataclass(frozen=True, slots=True)
class Message:
    """An alert in words: a title of one line, a sentence or two, facts, links."""

    title: str
    text: str
    severity: Severity
    resolved: bool
    fields: tuple[Field, ...] = ()
    links: tuple[Link, ...] = ()
    drill: bool = False


def duration_words(seconds: float) -> str:
    """``3 h 5 min``, ``5 min 2 s`` or ``42 s``: the two largest units."""
    rest = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        parts.append((count, unit))
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count or first == len(parts) - 1)


def party_fields(transfer: Transfer, labels: ChainLabels) -> list[Field]:
    """Which transfer it is, how much of what, from whom and to whom."""
    facts = [Field("Transfer", f"0x{transfer.transfer_id.hex()}")]
    if transfer.info is not None:
        facts.append(Field("Amount", amount_of(transfer, labels)))
        facts.append(Field("From", to_checksum_address(transfer.info.origin_sender)))
        facts.append(Field("To", to_checksum_address(transfer.info.to)))
    return facts


def routers_of(transfer: Transfer) -> Field:
    """The routers that fronted the funds, the first five."""
    return Field("Routers", ", ".join(to_checksum_address(router) for router in transfer.routers[:5]))


def amount_of(transfer: Transfer, labels: ChainLabels) -> str:
    """What a transfer moves, in words: the amount, the token's own symbol where it is known, the token's address."""
    amount = transfer_amount(transfer, labels)
    return "0 (a message without funds)" if amount is None else amount.full


def links_of(transfer: Transfer, labels: ChainLabels) -> tuple[Link, ...]:
    """The explorers' pages of what has happened at both ends; where nothing has yet, of the account there."""
    places = (
        ("XCalled", transfer.origin, transfer.xcalled),
        ("Executed", transfer.destination, transfer.executed),
        ("Reconciled", transfer.destination, transfer.reconciled),
    )
    found = [(name, labels.tx_link(domain, seen.tx_hash)) for name, domain, seen in places if seen]
    if transfer.info is not None and transfer.xcalled is None:
        found.insert(0, ("Sender", labels.address_link(transfer.origin, transfer.info.origin_sender)))
    if transfer.info is not None and transfer.executed is None:
        found.append(("Recipient", labels.address_link(transfer.destination, transfer.info.to)))
    return tuple(Link(name, url) for name, url in found if url)
