"""Which message counts what is late because of an alert: the alert's own where that can, or one of the group's."""

from dataclasses import dataclass

from sqlalchemy import select, update

from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import alerts, deliveries, group_members

_OF_CAUSE = (
    deliveries.c.alert_id == parameter("cause"),
    deliveries.c.provider == parameter("provider"),
    deliveries.c.change == Change.OPENED.value,
)
_SELECT_REFERENCES = Prepared(
    lambda: (
        select(deliveries.c.reference)
        .where(*_OF_CAUSE, ~deliveries.c.pending, deliveries.c.group_id.is_(None), deliveries.c.reference.is_not(None))
        .order_by(deliveries.c.id)
    )
)
_SELECT_SEVERITY = Prepared(lambda: select(alerts.c.severity).where(alerts.c.id == parameter("cause")))
_SELECT_SEVERITIES = Prepared(
    lambda: (
        select(alerts.c.severity)
        .join(group_members, group_members.c.alert_id == alerts.c.id)
        .where(group_members.c.group_id == parameter("of_group"))
        .distinct()
    )
)
_MOVE = Prepared(
    lambda: (
        update(deliveries)
        .where(*_OF_CAUSE, deliveries.c.reference == parameter("before"))
        .values(reference=parameter("now"))
    )
)


@dataclass(frozen=True, slots=True)
class Carrier:
    """What the channel calls the message of a group; ``carries`` where it is that of the alert that is the cause."""

    reference: str | None
    carries: bool = False


def of(connection: Connection, group: StoredRow) -> Carrier:
    """The message of a group (its row).

    The cause's own message carries the count where the channel can change it and no member is worse than it: a change
    notifies nobody. A group stays in the message that reported it first.
    """
    if group.cause_id is None:
        return Carrier(group.reference)
    of_cause = {"cause": group.cause_id, "provider": group.provider}
    references = _SELECT_REFERENCES.column(connection, **of_cause)
    if group.told_ms is None:
        carries = bool(references) and _is_worst(connection, group)
    else:
        carries = group.reference in references
    return Carrier(references[-1] if carries else group.reference, carries)


def moved(connection: Connection, group: StoredRow, before: str | None, now: str | None) -> None:
    """The cause's message was sent anew, as the earlier one was gone."""
    if before is not None and now is not None and before != now:
        _MOVE.execute(connection, cause=group.cause_id, provider=group.provider, before=before, now=now)


def _is_worst(connection: Connection, group: StoredRow) -> bool:
    own = Severity(_SELECT_SEVERITY.value(connection, cause=group.cause_id))
    members = _SELECT_SEVERITIES.column(connection, of_group=group.id)
    return all(Severity(severity).rank <= own.rank for severity in members)
