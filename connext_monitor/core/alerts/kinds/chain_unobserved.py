"""A chain is out of sight, or what is due on it cannot be judged."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.removed import REMOVED_CHAIN
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.unjudged import Unjudged, backlog_words
from connext_monitor.core.words import duration_words


class UnobservedDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """What waits for the chain, and why: it is out of sight, or it is covered and what waits cannot be judged.

    Out of sight: no block of it has been covered for ``silent_for`` seconds. Covered: an ``obstacle`` keeps what waits
    from being judged, the first of it for ``waited_for`` seconds. ``waiting`` counts deadlines, ``deliveries`` those
    that seem to have no origin, about which the chain is to be asked.
    """

    waiting: int
    why: str
    silent_for: int = 0
    obstacle: Obstacle | None = None
    waited_for: int = 0
    deliveries: int | None = None

    @classmethod
    def of(cls, unjudged: Unjudged) -> "UnobservedDetails":
        """What says that this cannot be judged."""
        return cls(
            waiting=unjudged.legs,
            deliveries=unjudged.deliveries,
            waited_for=unjudged.waited_for,
            obstacle=unjudged.hindrance.obstacle,
            why=unjudged.hindrance.words,
        )

    @property
    def unjudged(self) -> Unjudged | None:
        """What cannot be judged though the chain's blocks are covered; None where these are not."""
        if self.obstacle is None:
            return None
        hindrance = Hindrance(self.obstacle, self.why)
        return Unjudged(self.waiting, self.waited_for, hindrance, self.deliveries or 0)


def _opened(view: AlertView[UnobservedDetails]) -> Body:
    unjudged, waiting = view.details.unjudged, _waiting(view.details.waiting)
    if unjudged is not None:
        return _cannot_judge(view.subject, unjudged)
    return Body(
        f"Chain {view.subject} is not observed",
        f"No new block of it has been covered for {duration_words(view.details.silent_for)} ({view.details.why}). "
        f"Nothing can be said about transfers to it meanwhile. {waiting}",
    )


def _waiting(count: int) -> str:
    if count == 0:
        return "No deadline waits for it."
    return "1 deadline waits for it." if count == 1 else f"{count:,} deadlines wait for it."


def _cannot_judge(chain: str, unjudged: Unjudged) -> Body:
    first = "It has" if unjudged.legs + unjudged.deliveries == 1 else "The first of them has"
    return Body(
        f"Transfers cannot be judged: {chain}",
        f"{backlog_words(unjudged)} cannot be judged: {unjudged.hindrance.words}. {first} waited for "
        f"{duration_words(unjudged.waited_for)}, and nothing can be said about it meanwhile.",
    )


def _observed(view: AlertView[UnobservedDetails]) -> Body:
    unjudged = view.details.unjudged
    if unjudged is not None:
        return Body(
            f"Transfers can be judged again: {view.subject}",
            f"What waited ({backlog_words(unjudged)}) has been judged, or is no longer owed.",
        )
    return Body(
        f"Chain {view.subject} is observed again",
        f"New blocks are being covered. {_judged(view.details.waiting)}",
    )


def _judged(count: int) -> str:
    if count == 0:
        return "No deadline waited for it."
    if count == 1:
        return "The deadline that waited for it has now been judged."
    return f"The {count:,} deadlines that waited for it have now been judged."


CHAIN_UNOBSERVED = KindOf(
    name="chain_unobserved",
    severity=Severity.WARNING,
    about=About.CHAIN,
    details=UnobservedDetails,
    opened=_opened,
    endings={
        Resolution.OBSERVED: Ending("observed again", _observed),
        Resolution.REMOVED: REMOVED_CHAIN,
    },
    burst=BurstWords(
        singular="chain",
        plural="chains",
        wrong="not observed",
        right="observed again",
        meaning="Nothing can be said about transfers to them meanwhile.",
        names=("Longest out of sight", "Also"),
    ),
    headline=Headline("a chain is not observed", "a chain is not observed"),
    repeats_status=True,
)
