"""A bridge is paused: nothing is sent from its chain, and nothing is executed there."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field, Instant, Link
from connext_monitor.core.alerts.removed import REMOVED_CHAIN
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import DomainId, Pathway


class BridgePausedDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Which chain's bridge is paused, and where the Paused stands that did it; None where that was not seen.

    ``tx_hash`` is lower-case hex, ``paused_at`` Unix seconds.
    """

    domain: DomainId
    tx_hash: str | None = None
    paused_at: int | None = None


def _executes_there(details: BridgePausedDetails, pathway: Pathway) -> bool:
    """Whether executions on the pathway wait for the bridge; reconciliations are not excused by its pause."""
    return pathway[1] == details.domain


def _opened(view: AlertView[BridgePausedDetails]) -> Body:
    text = "The bridge's contract says that it is paused: no transfer starts here, and none is executed here."
    return _body(view, "Bridge paused", text)


def _unpaused(view: AlertView[BridgePausedDetails]) -> Body:
    return _body(view, "Bridge unpaused", "The bridge's contract is not paused any more.")


def _reorged(view: AlertView[BridgePausedDetails]) -> Body:
    return _body(view, "Pause taken back", "A reorg removed the pause; the bridge's contract is not paused.")


def _body(view: AlertView[BridgePausedDetails], title: str, text: str) -> Body:
    details = view.details
    fields = [Field("Chain", view.subject)]
    links: tuple[Link, ...] = ()
    if details.paused_at is not None:
        fields.append(Field("Paused", Instant(details.paused_at)))
    if details.tx_hash is not None:
        fields.append(Field("Transaction", details.tx_hash))
        links = view.tx_links("Paused", details.domain, details.tx_hash)
    return Body(f"{title}: {view.subject}", text, tuple(fields), links)


BRIDGE_PAUSED = KindOf(
    name="bridge_paused",
    severity=Severity.CRITICAL,
    about=About.CHAIN,
    details=BridgePausedDetails,
    opened=_opened,
    endings={
        Resolution.UNPAUSED: Ending("unpaused", _unpaused),
        Resolution.REORGED: Ending("removed by a reorg", _reorged),
        Resolution.REMOVED: REMOVED_CHAIN,
    },
    burst=BurstWords(
        singular="bridge",
        plural="bridges",
        wrong="paused",
        right="unpaused",
        meaning="No transfer starts there, and none is executed there.",
    ),
    headline=Headline("a bridge is paused", "{} bridges are paused"),
    inhibits={"execute_overdue": _executes_there, "pathway_stalled": _executes_there},
)
