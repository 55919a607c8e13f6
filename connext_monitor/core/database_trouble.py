"""What keeps the database from being used, as a value: the store finds it, and every other part passes it on."""

from datetime import datetime
from enum import StrEnum

from connext_monitor.core.structs import struct


class TroubleKind(StrEnum):
    """What is wrong, by what mends it."""

    FULL = "full"
    NOT_WRITABLE = "not_writable"
    DISK = "disk"
    NO_DESCRIPTOR = "no_descriptor"
    LOCKED = "locked"
    DAMAGED = "damaged"
    GONE = "gone"
    SERVER = "server"
    SERVER_LOCKED = "server_locked"
    POOLED = "pooled"
    DEPOSED = "deposed"


_CURES = {
    TroubleKind.FULL: "Make room on the disk, or raise the limit.",
    TroubleKind.NOT_WRITABLE: "Let the monitor's user write to the file and to its folder.",
    TroubleKind.DISK: "Check the disk and the system's log.",
    TroubleKind.NO_DESCRIPTOR: "Raise the limit of open files (ulimit -n, or LimitNOFILE of a systemd unit).",
    TroubleKind.SERVER: "Check the database server and the network on the way to it.",
    TroubleKind.SERVER_LOCKED: "End the session that holds it (pg_stat_activity lists sessions, pg_locks locks).",
    TroubleKind.POOLED: "Have pgbouncer pool sessions (pool_mode = session), or connect to the server directly.",
    TroubleKind.DEPOSED: "Nothing has to be done: this instance, or another one, begins anew from what is stored.",
    TroubleKind.LOCKED: "End the program that holds it (fuser names those that have the file open).",
    TroubleKind.DAMAGED: 'Put the newest backup in its place: "connext-monitor restore FILE".',
    TroubleKind.GONE: (
        "Nothing that was seen since can be kept, so the monitor ends; its next start begins with what is at that "
        'path then. "connext-monitor restore FILE" puts a backup there.'
    ),
}


@struct(frozen=True, slots=True)
class DatabaseTrouble:
    """Why the database cannot be used, in words that stand by themselves ("the disk is full")."""

    kind: TroubleKind
    words: str

    @property
    def final(self) -> bool:
        """Whether waiting is of no use: whatever is written is lost, and only another start may mend it."""
        return self.kind in {TroubleKind.DAMAGED, TroubleKind.GONE}

    @property
    def cure(self) -> str:
        """What to do about it: a sentence."""
        return _CURES[self.kind]


@struct(frozen=True, slots=True)
class AnnouncedOutage:
    """An outage that people know of, ``announced_at`` last, and whose end they do not; ``since`` is Unix time.

    Once it is over (``ended_at``), it is only those channels that do not know: ``unheard_by``.
    """

    alert_id: str
    opened_at: datetime
    announced_at: datetime
    trouble: DatabaseTrouble
    since: int
    ended_at: datetime | None = None
    unheard_by: tuple[str, ...] = ()

    def covers(self, trouble: DatabaseTrouble, at: datetime, *, every: float) -> bool:
        """Whether people know of this trouble: it was announced less than ``every`` seconds ago."""
        if self.ended_at is not None:
            return False
        return trouble.kind is self.trouble.kind and 0 <= (at - self.announced_at).total_seconds() < every


class StoreUnavailable(Exception):
    """The database cannot be used now.

    Whoever works on it tries again and logs nothing: the database watch speaks for all of them.
    """

    def __init__(self, trouble: DatabaseTrouble) -> None:
        super().__init__(trouble.words)
        self.trouble = trouble


def is_store_unavailable(error: BaseException | None) -> bool:
    """Whether an error, or each one of a group of them, says that the database cannot be used now."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_store_unavailable, error.exceptions))
    return isinstance(error, StoreUnavailable)
