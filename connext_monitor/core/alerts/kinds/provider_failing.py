"""An alert provider takes no messages."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity


class ProviderFailingDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Why it takes nothing, in words that go on from "It"; ``dead`` where it refuses for good, until a restart."""

    reason: str
    dead: bool = False


def _opened(view: AlertView[ProviderFailingDetails]) -> Body:
    if view.details.dead:
        title = f"Alert provider {view.subject} refuses for good"
        cure = "Correct its address or key in the config and restart; its alerts wait in the database until then."
    else:
        title = f"Alert provider {view.subject} is failing"
        cure = "It is tried again, at least once an hour; its alerts wait in the database."
    return Body(title, f"It {view.details.reason}. {cure}")


def _recovered(view: AlertView[ProviderFailingDetails]) -> Body:
    return Body(f"Alert provider {view.subject} is taking alerts again", "What waited for it is being delivered.")


def _removed(view: AlertView[ProviderFailingDetails]) -> Body:
    return Body(f"Alert provider {view.subject} is no longer configured", "No more alerts are sent to it.")


PROVIDER_FAILING = KindOf(
    name="provider_failing",
    severity=Severity.WARNING,
    about=About.PROVIDER,
    details=ProviderFailingDetails,
    opened=_opened,
    endings={
        Resolution.RECOVERED: Ending("recovered", _recovered),
        Resolution.REMOVED: Ending("no longer configured", _removed),
    },
    burst=BurstWords(
        singular="alert provider",
        plural="alert providers",
        wrong="failing",
        right="taking alerts again",
        meaning="Their alerts wait in the database.",
    ),
    headline=Headline("a channel is failing", "a channel is failing"),
    repeats_status=True,
)
