"""The monitor's own database cannot be used."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field, Instant
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.database_trouble import DatabaseTrouble
from connext_monitor.core.words import duration_words


class DatabaseFailingDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Why it cannot be used ``since`` then (Unix seconds), and what to do about it.

    ``final`` where only another start may mend it; not ``started``: the monitor could not open it, and does not run.
    """

    reason: str
    cure: str
    final: bool = False
    since: int
    started: bool = True

    @classmethod
    def of(cls, trouble: DatabaseTrouble, *, since: int, started: bool = True) -> "DatabaseFailingDetails":
        """The details of this trouble."""
        return cls(reason=trouble.words, cure=trouble.cure, final=trouble.final, since=since, started=started)


def _opened(view: AlertView[DatabaseFailingDetails]) -> Body:
    details = view.details
    reason = f"{details.reason[:1].upper()}{details.reason[1:]}."
    kept = "" if details.final else " Nothing is lost: what happens meanwhile will be read then."
    if not details.started:
        title = "The monitor cannot start"
        text = f"It cannot open its database. {reason} It watches nothing until it is started again. "
        text += f"{details.cure}{kept}"
    elif details.final:
        title, text = "The monitor has lost its database and is stopping", f"{reason} {details.cure}"
    else:
        title = "The monitor's database is failing"
        text = f"{reason} Nothing new is recorded and no other alert is sent until it works again. {details.cure}{kept}"
    return Body(title, text, _fields(view))


def _recovered(view: AlertView[DatabaseFailingDetails]) -> Body:
    details, ended_at = view.details, view.alert.resolved_at or view.alert.opened_at
    text = f"It could not be used for {duration_words(ended_at.timestamp() - details.since)} ({details.reason}). "
    if details.final:
        text += (
            "The monitor runs on the database that is at its path now: what happened since that was last written is "
            "being read; an empty database starts afresh."
        )
    else:
        text += "What was not recorded meanwhile is being read again."
    return Body("The monitor's database works again", text, _fields(view))


def _fields(view: AlertView[DatabaseFailingDetails]) -> tuple[Field, ...]:
    return (Field("Since", Instant(view.details.since)),)


SUBJECT = "database"

DATABASE_FAILING = KindOf(
    name="database_failing",
    severity=Severity.CRITICAL,
    about=About.MONITOR,
    details=DatabaseFailingDetails,
    opened=_opened,
    endings={Resolution.RECOVERED: Ending("recovered", _recovered)},
    burst=BurstWords(
        singular="database",
        plural="databases",
        wrong="failing",
        right="working again",
        meaning="Nothing new is recorded until it works again.",
    ),
    headline=Headline("the database is failing", "the database is failing"),
)
"""Its subject is always `SUBJECT`."""
