"""A delivery of something other than what was sent."""

from collections.abc import Iterator

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import PathwayDetails
from connext_monitor.core.alerts.message import Field, Instant, Link
from connext_monitor.core.alerts.removed import REMOVED_TRANSFER
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.transfer_facts import explorer_links, party_fields
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import DomainId, Executed
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.transfer import Sighting


class MismatchDetails(PathwayDetails, frozen=True, kw_only=True, omit_defaults=True):
    """What was delivered, and what is wrong with it.

    ``bridged_amount`` (base units) and ``nonce`` are decimal, ``to``, ``sender`` and ``tx_hash`` lower-case hex;
    ``executed_at`` is Unix seconds.
    """

    wrong: Mismatch
    nonce: str
    to: str
    sender: str
    bridged_amount: str
    executed_at: int
    tx_hash: str

    @property
    def watched_chains(self) -> tuple[DomainId, ...]:
        """The destination: whatever the delivery names as its origin, its end is seen there."""
        return (self.destination,)

    @classmethod
    def of(cls, domain: DomainId, executed: Executed, at: Sighting, wrong: Mismatch) -> "MismatchDetails":
        """Of an Executed that stands there on ``domain``."""
        params = executed.params
        return cls(
            origin=params.origin_domain,
            destination=domain,
            wrong=wrong,
            nonce=str(params.nonce),
            to=f"0x{executed.to.hex()}",
            sender=f"0x{params.origin_sender.hex()}",
            bridged_amount=str(params.bridged_amount),
            executed_at=at.block.timestamp,
            tx_hash=f"0x{at.tx_hash.hex()}",
        )


_WRONG = {
    Mismatch.PARAMS: "what it delivered does not hash to the transfer's id",
    Mismatch.RECIPIENT: "it paid a different recipient from the one that the transfer names",
}


def _opened(view: AlertView[MismatchDetails]) -> Body:
    text = (
        f"{_ends(view)[1]} says that it executed this transfer, but {_WRONG[view.details.wrong]}. "
        f"{_compared(view)} Whoever controls the bridge's contracts there may be compromised."
    )
    return _body(view, "Delivery mismatch", text)


def _reorged(view: AlertView[MismatchDetails]) -> Body:
    return _body(view, "Delivery mismatch taken back", f"A reorg removed the delivery from {_ends(view)[1]}.")


def _body(view: AlertView[MismatchDetails], title: str, text: str) -> Body:
    details, (origin, destination) = view.details, _ends(view)
    fields = (
        *party_fields(view.transfer, view.subject, view.labels),
        Field("Delivered to", to_checksum_address(details.to)),
        Field("Delivered from", to_checksum_address(details.sender)),
        Field("Delivered", f"{details.bridged_amount} base units, by nonce {details.nonce} of {origin}"),
        Field("Executed", Instant(details.executed_at)),
    )
    return Body(f"{title}: {origin} → {destination}", text, fields, tuple(_links(view)))


def _ends(view: AlertView[MismatchDetails]) -> tuple[str, str]:
    display_name = view.labels.display_name
    return display_name(view.details.origin), display_name(view.details.destination)


def _compared(view: AlertView[MismatchDetails]) -> str:
    """How the delivery differs from what was sent, where that is known."""
    if view.transfer is None or view.transfer.info is None:
        return "No XCalled of this id is known."
    info, details = view.transfer.info, view.details
    pairs: dict[str, tuple[object, object]] = {
        "recipient": (f"0x{info.to.hex()}", details.to),
        "sender": (f"0x{info.origin_sender.hex()}", details.sender),
        "amount": (str(info.bridged_amount), details.bridged_amount),
        "nonce": (str(info.nonce), details.nonce),
        "origin": (info.origin_domain, details.origin),
    }
    differing = [name for name, (sent, delivered) in pairs.items() if sent != delivered]
    if not differing:
        return "It does not differ from what was sent in its parties, amount or nonce, but in something else."
    return f"It differs from what was sent in its {', '.join(differing)}."


def _links(view: AlertView[MismatchDetails]) -> Iterator[Link]:
    yield from (link for link in explorer_links(view.transfer, view.labels) if link.name == "XCalled")
    yield from view.tx_links("Executed", view.details.destination, view.details.tx_hash)


DELIVERY_MISMATCH = KindOf(
    name="delivery_mismatch",
    severity=Severity.CRITICAL,
    about=About.TRANSFER,
    details=MismatchDetails,
    opened=_opened,
    endings={
        Resolution.REORGED: Ending("removed by a reorg", _reorged),
        Resolution.REMOVED: REMOVED_TRANSFER,
    },
    burst=BurstWords(
        singular="delivery",
        plural="deliveries",
        wrong="of something other than what was sent",
        right="taken back",
        meaning="What was paid out is not what their ids stand for.",
    ),
    headline=Headline("1 delivery differs from what was sent", "{} deliveries differ from what was sent"),
    excludes_legs=True,  # no leg comes of a false delivery
)
