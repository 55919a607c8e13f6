"""Who may do what on a bridge has changed, or what code it runs."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field, Instant
from connext_monitor.core.alerts.removed import REMOVED_CHAIN
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import DomainId


class BridgeChangedDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """What one transaction has changed on the chain ``domain``: ``what`` in words, ``by`` whom where it says so.

    ``tx_hash`` is lower-case hex, ``changed_at`` Unix seconds.
    """

    domain: DomainId
    tx_hash: str
    changed_at: int
    what: str
    by: str | None = None


def _opened(view: AlertView[BridgeChangedDetails]) -> Body:
    text = f"{view.details.what} If nobody on your side did it, the bridge may be in somebody else's hands."
    return _body(view, "Bridge changed", text)


def _acknowledged(view: AlertView[BridgeChangedDetails]) -> Body:
    return _body(view, "Bridge change acknowledged", f"Somebody has acknowledged it. It said: {view.details.what}")


def _noted(view: AlertView[BridgeChangedDetails]) -> Body:
    return _body(view, "Bridge change noted", f"{view.details.what} Nobody has acknowledged it within a day.")


def _reorged(view: AlertView[BridgeChangedDetails]) -> Body:
    return _body(view, "Bridge change taken back", f"A reorg removed it. It said: {view.details.what}")


def _body(view: AlertView[BridgeChangedDetails], title: str, text: str) -> Body:
    details = view.details
    fields = [Field("Chain", view.subject), Field("Transaction", details.tx_hash)]
    if details.by is not None:
        fields.append(Field("By", details.by))
    fields.append(Field("Changed", Instant(details.changed_at)))
    links = view.tx_links("Transaction", details.domain, details.tx_hash)
    return Body(f"{title}: {view.subject}", text, tuple(fields), links)


BRIDGE_CHANGED = KindOf(
    name="bridge_changed",
    severity=Severity.CRITICAL,
    about=About.CHAIN,
    details=BridgeChangedDetails,
    opened=_opened,
    endings={
        Resolution.ACKNOWLEDGED: Ending("acknowledged", _acknowledged),
        Resolution.NOTED: Ending("noted", _noted),
        Resolution.REORGED: Ending("removed by a reorg", _reorged),
        Resolution.REMOVED: REMOVED_CHAIN,
    },
    burst=BurstWords(
        singular="bridge change",
        plural="bridge changes",
        wrong="not acknowledged",
        right="acknowledged or noted",
        meaning="If nobody on your side made them, the bridge may be in somebody else's hands.",
    ),
    headline=Headline("1 bridge change is not acknowledged", "{} bridge changes are not acknowledged"),
)
