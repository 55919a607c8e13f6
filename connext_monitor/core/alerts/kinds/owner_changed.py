"""Another instance owns the work of a database that several share."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity

SUBJECT = "owner"
NOTED_AFTER = 3600.0
"""Seconds after which it is over by itself: nothing is wrong any more."""


class OwnerChangedDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Which instance owned the work ``before``, and which does ``now``, by the names in their configs.

    ``unseen`` names the chains for which the work was handed over: the one did not see them, and the other did.
    """

    before: str
    now: str
    unseen: str | None = None


def _opened(view: AlertView[OwnerChangedDetails]) -> Body:
    text = (
        f"{view.details.now} owns the work now, in place of {view.details.before}. What the chains did meanwhile is "
        f"being read; nothing is missed. {_what_to_do(view.details)}"
    )
    return _body(view, f"The monitor runs on {view.details.now} now", text)


def _what_to_do(details: OwnerChangedDetails) -> str:
    if details.unseen is None:
        return "If nobody stopped the other instance, find out why it is gone."
    return (
        f"{details.before} handed it over because it had lost sight of {details.unseen}, which {details.now} sees: "
        f"check the endpoints of {details.before}, and its connection to them."
    )


def _noted(view: AlertView[OwnerChangedDetails]) -> Body:
    title = f"The monitor has gone on running on {view.details.now}"
    return _body(view, title, f"It took over from {view.details.before}, and has owned the work since.")


def _body(view: AlertView[OwnerChangedDetails], title: str, text: str) -> Body:
    return Body(title, text, (Field("Now", view.details.now), Field("Before", view.details.before)))


OWNER_CHANGED = KindOf(
    name="owner_changed",
    severity=Severity.INFO,
    about=About.MONITOR,
    details=OwnerChangedDetails,
    opened=_opened,
    endings={Resolution.NOTED: Ending("noted", _noted)},
    burst=BurstWords(
        singular="takeover",
        plural="takeovers",
        wrong="a short time ago",
        right="noted",
        meaning="Another instance owns the work.",
    ),
    headline=Headline("another instance has taken over", "other instances have taken over"),
)
"""Its subject is ``owner``."""
