"""What people know of an outage, kept beyond this process and outside of the database that cannot be used.

It lies in the lock file, whose block is there before the disk is full, or else in the folder for temporary files, as it
always does where the database is on a server.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import AnnouncedOutage, DatabaseTrouble, TroubleKind

T = TypeVar("T")

_ANSWERS_WITHIN = 2.0
_ROOM = 4096
_EMPTY = b" " * _ROOM
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class OutageNote:
    """The note for one database: that of a lock file, or one on a server."""

    def __init__(self, of: Path | DatabaseUrl) -> None:
        self._lock = of if isinstance(of, Path) else None
        name = os.fsencode(of.absolute() if isinstance(of, Path) else str(of))
        key = sha256(name).hexdigest()[:16]
        self._elsewhere = Path(tempfile.gettempdir(), f"connext-monitor-{os.geteuid()}-{key}.outage")

    async def read(self) -> AnnouncedOutage | None:
        """What stands there; None where there is nothing, or nothing that can be read."""
        return await _in_time(self._read, None)

    async def write(self, outage: AnnouncedOutage) -> bool:
        """Note it; False where that cannot be done."""
        return await _in_time(lambda: self._write(_encoded(outage)), False)

    async def clear(self) -> None:
        """Forget it: people know that it is over."""
        await _in_time(self._clear, None)

    def _read(self) -> AnnouncedOutage | None:
        for path in filter(None, (self._lock, self._elsewhere)):
            with suppress(OSError, ValueError, KeyError, TypeError):
                return _decoded(_contents(path))
        return None

    def _write(self, data: bytes) -> bool:
        return (self._lock is not None and _put(self._lock, data)) or _put(self._elsewhere, data, os.O_CREAT)

    def _clear(self) -> None:
        if self._lock is None or not self._lock.exists() or _put(self._lock, _EMPTY):
            with suppress(OSError):
                self._elsewhere.unlink()


async def _in_time(work: Callable[[], T], otherwise: T) -> T:
    """What ``work`` returns, on a disk that answers."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ANSWERS_WITHIN):
            return await asyncio.to_thread(work)
    return otherwise


def make_room(lock: int) -> None:
    """Give a new lock file the block that a note needs."""
    with suppress(OSError):
        if os.fstat(lock).st_size < _ROOM:
            os.pwrite(lock, _EMPTY, 0)


def _contents(path: Path) -> bytes:
    file = os.open(path, _FLAGS)
    try:
        # In a folder that everybody may write to it may be somebody else's.
        return os.pread(file, _ROOM, 0) if os.fstat(file).st_uid in {os.geteuid(), path.parent.stat().st_uid} else b""
    finally:
        os.close(file)


def _put(path: Path, data: bytes, flags: int = 0) -> bool:
    try:
        file = os.open(path, _FLAGS | flags, 0o600)
    except OSError:
        return False
    try:
        os.pwrite(file, data, 0)
        os.fsync(file)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _encoded(outage: AnnouncedOutage) -> bytes:
    values = {
        "id": outage.alert_id,
        "opened_at": outage.opened_at.isoformat(),
        "told_at": outage.announced_at.isoformat(),
        "kind": outage.trouble.kind.value,
        "words": outage.trouble.words[:1000],
        "since": outage.since,
        "ended_at": None if outage.ended_at is None else outage.ended_at.isoformat(),
        "unheard_by": outage.unheard_by,
    }
    return json.dumps(values).encode()[:_ROOM].ljust(_ROOM)


def _decoded(data: bytes) -> AnnouncedOutage:
    values = json.loads(data)
    if not isinstance(values, dict):
        raise TypeError(values)
    ended_at = values.get("ended_at")  # an older release has written neither this nor who has not heard of it
    return AnnouncedOutage(
        str(values["id"]),
        datetime.fromisoformat(values["opened_at"]),
        datetime.fromisoformat(values["told_at"]),
        DatabaseTrouble(TroubleKind(values["kind"]), str(values["words"])),
        int(values["since"]),
        None if ended_at is None else datetime.fromisoformat(ended_at),
        tuple(map(str, values.get("unheard_by", ()))),
    )
