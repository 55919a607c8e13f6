"""The database is not copied, or its copies are not uploaded."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.structs import struct


class BackupFailedDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Why it fails."""

    reason: str


@struct(frozen=True, slots=True)
class _Words:
    failed: str
    text: str
    mended: str
    well: str


_COPY = _Words(
    "Backup failed", "The database was not copied", "Backups succeed again", "A verified copy has been made."
)
_UPLOAD = _Words(
    "Backup not uploaded",
    "A copy of the database was made here and has not left this machine",
    "Backups are uploaded again",
    "The newest copy has been uploaded.",
)


def _words(view: AlertView[BackupFailedDetails]) -> _Words:
    return _UPLOAD if view.subject == "upload" else _COPY


def _opened(view: AlertView[BackupFailedDetails]) -> Body:
    words = _words(view)
    text = f"{words.text}: {view.details.reason}. It is retried until it succeeds; the monitor itself goes on."
    return Body(words.failed, text)


def _backed_up(view: AlertView[BackupFailedDetails]) -> Body:
    return Body(_words(view).mended, _words(view).well)


def _removed(_: AlertView[BackupFailedDetails]) -> Body:
    return Body("Backups are no longer configured", "No more alerts are sent about them.")


BACKUP_FAILED = KindOf(
    name="backup_failed",
    severity=Severity.WARNING,
    about=About.MONITOR,
    details=BackupFailedDetails,
    opened=_opened,
    endings={
        Resolution.BACKED_UP: Ending("made again", _backed_up),
        Resolution.REMOVED: Ending("no longer configured", _removed),
    },
    burst=BurstWords(
        singular="backup",
        plural="backups",
        wrong="failing",
        right="made again",
        meaning="The database has no recent copy if something happens to it now.",
    ),
    headline=Headline("a backup failed", "backups failed"),
)
"""Its subject is ``copy`` or ``upload``."""
