"""The table of all kinds of alert."""

from collections.abc import Mapping, Sequence

from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.kinds.backup_failed import BACKUP_FAILED
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.database_failing import DATABASE_FAILING
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG
from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, RECONCILE_OVERDUE
from connext_monitor.core.alerts.kinds.phantom_delivery import PHANTOM_DELIVERY
from connext_monitor.core.alerts.kinds.provider_failing import PROVIDER_FAILING

_EVERY: tuple[AlertKind, ...] = (
    EXECUTE_OVERDUE,
    RECONCILE_OVERDUE,
    CHAIN_UNOBSERVED,
    DEEP_REORG,
    PROVIDER_FAILING,
    PHANTOM_DELIVERY,
    BACKUP_FAILED,
    DATABASE_FAILING,
    DELIVERY_MISMATCH,
    MONITOR_STARTED_BLIND,
)

KINDS: Mapping[str, AlertKind] = {kind.name: kind for kind in _EVERY}
"""Every kind by its name."""

ENDED_BY_READING: Sequence[AlertKind] = tuple(kind for kind in _EVERY if kind.ends_by_reading)
"""The kinds whose alerts can end with what is read of a chain."""

EXCLUDING_LEGS: Sequence[AlertKind] = tuple(kind for kind in _EVERY if kind.excludes_legs)
"""The kinds whose open alerts say all there is to say about the legs of their transfers."""
