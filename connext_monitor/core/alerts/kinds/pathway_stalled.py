"""A pathway is stalled: transfers wait for their execution there, and nothing is executed any more."""

from typing import Self

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import PathwayDetails
from connext_monitor.core.alerts.message import Field, Instant
from connext_monitor.core.alerts.removed import REMOVED_PATHWAY
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import DomainId
from connext_monitor.core.stalls import PathwayWaits
from connext_monitor.core.words import duration_words

NAMED = 3
"""How many of the transfers that wait are named: those that have waited longest."""


class StalledDetails(PathwayDetails, frozen=True, kw_only=True, omit_defaults=True):
    """How many ``transfers`` wait, since when the first of them (Unix seconds), and the ids of those longest waiting.

    ``waiting`` are these ids as lower-case hex with spaces between them; ``least`` is how many make a stall;
    ``last`` when the last transfer was executed there before (Unix seconds), None where none is known.
    """

    transfers: int
    since: int
    waiting: str
    least: int
    last: int | None = None

    @property
    def watched_chains(self) -> tuple[DomainId, ...]:
        """The destination: something can be executed as long as that is watched."""
        return (self.destination,)

    @classmethod
    def of(cls, waits: PathwayWaits, least: int) -> Self:
        """Of transfers that wait; raises IndexError where there is none."""
        origin, destination = waits.pathway
        return cls(
            origin=origin,
            destination=destination,
            transfers=waits.count,
            since=waits.oldest[0][1],
            waiting=" ".join(f"0x{transfer_id.hex()}" for transfer_id, _ in waits.oldest[:NAMED]),
            least=least,
            last=waits.last,
        )


def _opened(view: AlertView[StalledDetails]) -> Body:
    details = view.details
    waited = duration_words(view.alert.opened_at.timestamp() - details.since)
    text = (
        f"{_waiting(details.transfers)} for execution, and nothing has been executed on this pathway since the first "
        f"of them was sent, {waited} before this alert. The destination was read past that, and its contract was asked."
    )
    fields = [Field("Waiting", f"{details.transfers:,}"), Field("First sent", Instant(details.since))]
    fields += [Field("Longest waiting", transfer_id) for transfer_id in details.waiting.split()[:NAMED]]
    if details.last is not None:
        fields.append(Field("Last execution", Instant(details.last)))
    return Body(f"Pathway stalled: {_where(view)}", text, tuple(fields))


def _executing(view: AlertView[StalledDetails]) -> Body:
    text = "A transfer has been executed on this pathway again."
    fields = (Field("First sent", Instant(view.details.since)),)
    return Body(f"Pathway executing again: {_where(view)}", text, fields)


def _reorged(view: AlertView[StalledDetails]) -> Body:
    text = (
        "A reorg removed transfers that waited: too few are left to say that the pathway is stalled. Nothing has been "
        "executed on it."
    )
    return Body(f"Pathway alert withdrawn: {_where(view)}", text)


def _where(view: AlertView[StalledDetails]) -> str:
    return f"{view.labels.display_name(view.details.origin)} → {view.labels.display_name(view.details.destination)}"


def _waiting(count: int) -> str:
    return "1 transfer waits" if count == 1 else f"{count:,} transfers wait"


PATHWAY_STALLED = KindOf(
    name="pathway_stalled",
    severity=Severity.WARNING,
    about=About.PATHWAY,
    details=StalledDetails,
    opened=_opened,
    endings={
        Resolution.EXECUTING: Ending("executing again", _executing),
        Resolution.REORGED: Ending("withdrawn because a reorg removed what waited", _reorged),
        Resolution.REMOVED: REMOVED_PATHWAY,
    },
    burst=BurstWords(
        singular="pathway",
        plural="pathways",
        wrong="stalled",
        right="executing again or withdrawn",
        meaning="Transfers wait for their execution, and nothing is executed.",
    ),
    headline=Headline("a pathway is stalled", "{} pathways are stalled"),
    inhibits={"execute_overdue": lambda details, pathway: details.pathway == pathway},
)
