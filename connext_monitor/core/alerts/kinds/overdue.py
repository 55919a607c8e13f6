"""A leg of a transfer is late: its execution, or its reconciliation."""

from collections.abc import Callable, Mapping

from connext_monitor.core.alerts.alert import (
    About,
    AlertKind,
    AlertState,
    AlertView,
    Body,
    BurstWords,
    Ending,
    Headline,
    KindOf,
)
from connext_monitor.core.alerts.cause import known_words
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field, Instant
from connext_monitor.core.alerts.removed import REMOVED_TRANSFER
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.transfer_facts import explorer_links, party_fields, router_fields
from connext_monitor.core.deadline import Leg, sighting_of
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.core.words import duration_words


class OverdueDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """When the leg was due (Unix seconds), and between which chains; alerts of early versions do not say that."""

    due_at: int
    origin: DomainId | None = None
    destination: DomainId | None = None

    @property
    def pathway(self) -> Pathway | None:
        """The transfer's pathway, where it is known."""
        return None if self.origin is None or self.destination is None else (self.origin, self.destination)

    @property
    def watched_chains(self) -> tuple[DomainId, ...]:
        """The destination: what is late can arrive as long as that is watched."""
        return () if self.destination is None else (self.destination,)


def _opened(leg: Leg, name: str, owed: str) -> Callable[[AlertView[OverdueDetails]], Body]:
    def opened(view: AlertView[OverdueDetails]) -> Body:
        alert, due_at = view.alert, view.details.due_at
        late = "overdue" if alert.escalated_at is None else "still overdue"
        since = alert.escalated_at or alert.opened_at.timestamp()
        text = f"Due {duration_words(since - due_at)} before this alert, and {owed}."
        return _body(view, leg, f"{name} {late}", _with_causes(text, view))

    return opened


def _arrived(leg: Leg, name: str) -> Callable[[AlertView[OverdueDetails]], Body]:
    def arrived(view: AlertView[OverdueDetails]) -> Body:
        return _body(view, leg, f"{name} arrived late", _with_causes(_arrival(view, leg), view))

    return arrived


def _withdrawn(leg: Leg, name: str) -> Callable[[AlertView[OverdueDetails]], Body]:
    def withdrawn(view: AlertView[OverdueDetails]) -> Body:
        text = "A reorg removed the transfer's XCalled from its origin: nothing is owed any more."
        return _body(view, leg, f"{name} alert withdrawn", text)

    return withdrawn


def _body(view: AlertView[OverdueDetails], leg: Leg, title: str, text: str) -> Body:
    links = explorer_links(view.transfer, view.labels)
    return Body(f"{title}: {_where(view)}", text, tuple(_fields(view, leg)), links)


def _where(view: AlertView[OverdueDetails]) -> str:
    """From where to where; the alert still says so when a reorg has left nothing of its transfer."""
    transfer = view.transfer
    pathway = (transfer.origin, transfer.destination) if transfer else view.alert.pathway
    return " → ".join(map(view.labels.display_name, pathway)) if pathway else "a transfer"


def _fields(view: AlertView[OverdueDetails], leg: Leg) -> list[Field]:
    transfer = view.transfer
    fields = party_fields(transfer, view.subject, view.labels)
    if transfer is None:
        return fields
    if transfer.xcalled is not None:
        fields.append(Field("Sent", Instant(transfer.xcalled.block.timestamp)))
    fields.append(Field("Due", Instant(view.details.due_at)))
    arrived = sighting_of(transfer, leg)
    if arrived is not None:
        fields.append(Field("Arrived", Instant(arrived.block.timestamp)))
    return [*fields, *router_fields(transfer)]


def _with_causes(text: str, view: AlertView[OverdueDetails]) -> str:
    causes = known_words(view.alert.causes, view.labels, ended=view.alert.state is AlertState.RESOLVED)
    return f"{text} {causes}" if causes else text


def _arrival(view: AlertView[OverdueDetails], leg: Leg) -> str:
    sighting = sighting_of(view.transfer, leg) if view.transfer else None
    if sighting is None:
        return "The leg has arrived."
    late = sighting.block.timestamp - view.details.due_at
    # A block stamped before the deadline can come into sight after it, when a reorg moved the leg.
    return f"Arrived {duration_words(late)} after it was due." if late > 0 else "Arrived in time after all."


_REORGED = "withdrawn because a reorg removed their XCalled"

EXECUTE_OVERDUE = KindOf(
    name="execute_overdue",
    severity=Severity.CRITICAL,
    about=About.TRANSFER,
    details=OverdueDetails,
    opened=_opened(Leg.EXECUTE, "Execution", "the recipient has not received the funds"),
    endings={
        Resolution.EXECUTED: Ending("executed late", _arrived(Leg.EXECUTE, "Execution")),
        Resolution.REORGED: Ending(_REORGED, _withdrawn(Leg.EXECUTE, "Execution")),
        Resolution.REMOVED: REMOVED_TRANSFER,
    },
    burst=BurstWords(
        singular="transfer",
        plural="transfers",
        wrong="overdue for execution",
        right="no longer overdue for execution",
        meaning="The recipients have not received the funds.",
        names=("Longest overdue", "Among the largest"),
    ),
    headline=Headline("1 transfer is not executed in time", "{} transfers are not executed in time"),
)

RECONCILE_OVERDUE = KindOf(
    name="reconcile_overdue",
    severity=Severity.WARNING,
    about=About.TRANSFER,
    details=OverdueDetails,
    opened=_opened(Leg.RECONCILE, "Reconciliation", "the routers have not got their funds back"),
    endings={
        Resolution.RECONCILED: Ending("reconciled late", _arrived(Leg.RECONCILE, "Reconciliation")),
        Resolution.REORGED: Ending(_REORGED, _withdrawn(Leg.RECONCILE, "Reconciliation")),
        Resolution.REMOVED: REMOVED_TRANSFER,
    },
    burst=BurstWords(
        singular="transfer",
        plural="transfers",
        wrong="overdue for reconciliation",
        right="no longer overdue for reconciliation",
        meaning="The routers have not got their funds back.",
        names=("Longest overdue", "Among the largest"),
    ),
    headline=Headline("1 transfer is not reconciled in time", "{} transfers are not reconciled in time"),
)

OVERDUE: Mapping[Leg, KindOf[OverdueDetails]] = {Leg.EXECUTE: EXECUTE_OVERDUE, Leg.RECONCILE: RECONCILE_OVERDUE}
"""The kind of each leg."""
LEG_OF: Mapping[AlertKind, Leg] = {kind: leg for leg, kind in OVERDUE.items()}
