"""Which alert another one is late because of: while its cause stands, it needs no message of its own.

What inhibits what is said by each kind (`KindOf.inhibits`).
"""

from collections.abc import Iterable

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.table import INHIBITED, INHIBITING


def cause_of(alert: Alert, standing: Iterable[Alert]) -> str | None:
    """The id of the one of these open alerts that inhibits the alert; None where none does.

    Of several it is that of the kind which inhibits more: it explains the others too.
    """
    if alert.kind not in INHIBITED:
        return None
    causes = [cause for cause in standing if cause.kind.is_cause_of(cause, alert)]
    causes.sort(key=lambda cause: (INHIBITING.index(cause.kind), cause.opened_at, cause.id))
    return causes[0].id if causes else None
