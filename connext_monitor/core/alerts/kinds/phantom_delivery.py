"""A delivery that was never sent: an Executed whose XCalled is proven absent."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import PathwayDetails
from connext_monitor.core.alerts.message import Field, Instant
from connext_monitor.core.alerts.removed import REMOVED_TRANSFER
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.transfer_facts import explorer_links, party_fields, router_fields
from connext_monitor.core.events import TransferId


class PhantomDetails(PathwayDetails, frozen=True, kw_only=True, omit_defaults=True):
    """The nonce that the delivery claims (decimal), and who has it on the origin; nobody yet where that is None."""

    nonce: str
    holder: str | None = None


PRUNED_HOLDER = "a transfer that is no longer kept"
"""The holder of a nonce whose transfer has been pruned."""


def holder_of(transfer_id: TransferId | None) -> str:
    """The holder as the details name it; None where it is a transfer that has been pruned."""
    return PRUNED_HOLDER if transfer_id is None else f"0x{transfer_id.hex()}"


def _opened(view: AlertView[PhantomDetails]) -> Body:
    origin, destination = _ends(view)
    nonce, holder = view.details.nonce, view.details.holder
    held = f"its nonce {nonce} belongs to another transfer there" if holder else f"nonce {nonce} has not been assigned"
    text = (
        f"{destination} paid out a transfer that was never sent: {origin} has no XCalled of it, and {held}. "
        "Whoever signs for routers or relays messages may be compromised."
    )
    return _body(view, "Phantom delivery", text)


def _origin_found(view: AlertView[PhantomDetails]) -> Body:
    text = f"The transfer's XCalled has been found on {_ends(view)[0]}: the delivery is genuine."
    return _body(view, "Origin found", text)


def _reorged(view: AlertView[PhantomDetails]) -> Body:
    text = f"A reorg removed the delivery from {_ends(view)[1]}."
    return _body(view, "Phantom delivery taken back", text)


def _body(view: AlertView[PhantomDetails], title: str, text: str) -> Body:
    transfer, details = view.transfer, view.details
    fields = [*party_fields(transfer, view.subject, view.labels), Field("Nonce", details.nonce)]
    if details.holder:
        fields.append(Field("Nonce held by", details.holder))
    if transfer and transfer.executed:
        fields.append(Field("Executed", Instant(transfer.executed.block.timestamp)))
    fields += router_fields(transfer)
    return Body(f"{title}: {' → '.join(_ends(view))}", text, tuple(fields), explorer_links(transfer, view.labels))


def _ends(view: AlertView[PhantomDetails]) -> tuple[str, str]:
    display_name = view.labels.display_name
    return display_name(view.details.origin), display_name(view.details.destination)


PHANTOM_DELIVERY = KindOf(
    name="phantom_delivery",
    severity=Severity.CRITICAL,
    about=About.TRANSFER,
    details=PhantomDetails,
    opened=_opened,
    endings={
        Resolution.ORIGIN_FOUND: Ending("with an origin after all", _origin_found),
        Resolution.REORGED: Ending("removed by a reorg", _reorged),
        Resolution.REMOVED: REMOVED_TRANSFER,
    },
    burst=BurstWords(
        singular="delivery",
        plural="deliveries",
        wrong="without an origin",
        right="explained or taken back",
        meaning="What was paid out was never sent.",
        names=("First", "Among the largest"),
    ),
    headline=Headline("1 delivery has no origin", "{} deliveries have no origin"),
)
