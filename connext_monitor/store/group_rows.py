"""Groups as their messages tell of them: how many members there are, how many are open, which are the worst."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.digest import LARGEST, Because, Digest, NamedMember
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.queue import Topic
from connext_monitor.store import alert_rows, carriers
from connext_monitor.store.carriers import Carrier
from connext_monitor.store.connection import Connection
from connext_monitor.store.glance import read_alert
from connext_monitor.store.instants import from_ms
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import alerts, delivery_groups, group_members


def _members(*columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 - whatever can be selected
    """What is asked of the members of ``of_group``."""
    return (
        select(*columns)
        .join(group_members, group_members.c.alert_id == alerts.c.id)
        .where(group_members.c.group_id == parameter("of_group"))
    )


def _members_by_state(*columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 - whatever can be selected
    """The same of those that are ``open`` or not."""
    return _members(*columns).where(group_members.c.open == parameter("open"))


_SELECT = Prepared(lambda: select(delivery_groups).where(delivery_groups.c.id == parameter("of_group")))
_COUNT = Prepared(
    lambda: (
        select(group_members.c.open, func.count())
        .where(group_members.c.group_id == parameter("of_group"))
        .group_by(group_members.c.open)
    )
)
_COUNT_KINDS = Prepared(
    lambda: (
        _members(alerts.c.kind, group_members.c.open, func.count().label("many"))
        .group_by(alerts.c.kind, group_members.c.open)
        .order_by(alerts.c.kind)
    )
)
_COUNT_ENDINGS = Prepared(
    lambda: _members(alerts.c.resolution, func.count()).where(~group_members.c.open).group_by(alerts.c.resolution)
)
_SELECT_SEVERITIES = Prepared(lambda: _members_by_state(alerts.c.severity).distinct())
_SELECT_OLDEST = Prepared(lambda: _members_by_state(alerts).order_by(group_members.c.since_at).limit(1))
_SELECT_LARGEST = Prepared(
    lambda: _members_by_state(alerts).order_by(group_members.c.amount.desc().nulls_last()).limit(LARGEST + 1)
)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is read of a group for its message; of the alerts that it names, the longest standing comes first.

    ``severity`` is the worst of the open ones, and once all have ended, of all.
    """

    row: StoredRow
    severity: Severity
    members: int
    open: int
    named: Sequence[Alert]
    endings: Mapping[Resolution | None, int]
    reference: str | None = None
    because: Because | None = None

    def digest(self, named: Sequence[NamedMember]) -> Digest:
        """The group, its ``named`` alerts with their transfers."""
        return Digest(
            group_id=self.row.id,
            topic=Topic.parse(self.row.topic),
            severity=self.severity,
            members=self.members,
            open=self.open,
            opened_at=from_ms(self.row.oldest_ms),
            oldest=named[0],
            largest=tuple(named[1:]),
            endings=self.endings,
            before=self.row.before,
            reference=self.reference,
            attempts=self.row.attempts,
            because=self.because,
        )


def by_id(connection: Connection, group_id: int) -> GroupRow:
    """A group as it is now."""
    (row,) = _SELECT.rows(connection, of_group=group_id)
    by_state = {bool(is_open): count for is_open, count in _COUNT.rows(connection, of_group=group_id)}
    carrier = carriers.of(connection, row)
    endings = _COUNT_ENDINGS.rows(connection, of_group=group_id)
    is_open = by_state.get(True, 0) > 0
    severities = _SELECT_SEVERITIES.column(connection, of_group=group_id, open=is_open)
    named = _named(connection, group_id, is_open=is_open)
    return GroupRow(
        row=row,
        severity=max(map(Severity, severities), key=lambda severity: severity.rank),
        members=sum(by_state.values()),
        open=by_state.get(True, 0),
        named=named,
        endings={Resolution(how) if how else None: count for how, count in endings},
        reference=carrier.reference,
        because=_because(connection, row, carrier),
    )


def _because(connection: Connection, group: StoredRow, carrier: Carrier) -> Because | None:
    cause = None if group.cause_id is None else alert_rows.by_id(connection, group.cause_id)
    if cause is None:
        return None
    counts: dict[AlertKind, tuple[int, int]] = {}
    for row in _COUNT_KINDS.rows(connection, of_group=group.id):
        members, still_open = counts.get(KINDS[row.kind], (0, 0))
        counts[KINDS[row.kind]] = (members + row.many, still_open + (row.many if row.open else 0))
    return Because(cause, counts, carrier.carries)


def _named(connection: Connection, group_id: int, *, is_open: bool) -> list[Alert]:
    """The one that stands longest, then the largest."""
    (oldest,) = _SELECT_OLDEST.rows(connection, of_group=group_id, open=is_open)
    largest = _SELECT_LARGEST.rows(connection, of_group=group_id, open=is_open)
    others = [row for row in largest if row.id != oldest.id]
    return [read_alert(row) for row in (oldest, *others[:LARGEST])]
