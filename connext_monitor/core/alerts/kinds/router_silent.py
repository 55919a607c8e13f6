"""A router that somebody answers for fills nothing, while others fill what it could have filled."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field, Instant
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity


class RouterSilentDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Which router has executed nothing since when, in Unix seconds, and how many transfers were executed without it.

    ``address`` is checksummed; ``last_fill`` is None where none is known; ``slow`` of the ``transfers`` took the slow
    path.
    """

    address: str
    quiet_since: int
    last_fill: int | None = None
    transfers: int
    slow: int


def _opened(view: AlertView[RouterSilentDetails]) -> Body:
    details = view.details
    fast = details.transfers - details.slow
    text = (
        f"It has executed nothing, while at least {details.transfers} transfers that it could have filled were "
        f"executed without it: {fast} by other routers, {details.slow} on the slow path."
    )
    fields = [Field("Silent at least since", Instant(details.quiet_since))]
    if details.last_fill is not None:
        fields.append(Field("Last fill", Instant(details.last_fill)))
    return _body(view, "is silent", text, *fields)


def _filling(view: AlertView[RouterSilentDetails]) -> Body:
    return _body(view, "is filling again", "It has executed a transfer.")


def _removed(view: AlertView[RouterSilentDetails]) -> Body:
    text = "The config no longer asks about its silence; this alert is no longer followed."
    return _body(view, "is no longer watched for silence", text)


def _body(view: AlertView[RouterSilentDetails], what: str, text: str, *more: Field) -> Body:
    return Body(f"Router {view.subject} {what}", text, (Field("Router", view.details.address), *more))


ROUTER_SILENT = KindOf(
    name="router_silent",
    severity=Severity.WARNING,
    about=About.ROUTER,
    details=RouterSilentDetails,
    opened=_opened,
    endings={
        Resolution.FILLING: Ending("filling", _filling),
        Resolution.REMOVED: Ending("no longer configured", _removed),
    },
    burst=BurstWords(
        singular="router",
        plural="routers",
        wrong="silent",
        right="filling again",
        meaning="They execute nothing, while others execute what they could have filled.",
    ),
    headline=Headline("a router is silent", "{} routers are silent"),
)
