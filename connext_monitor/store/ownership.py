"""What root makes by hand is given to whom the monitor runs as: root restores and backs up for another user."""

import os
import stat
from contextlib import closing, suppress
from pathlib import Path

_GROUP_WRITES = 0o020
_SHARED_BY_GROUP = 0o060


class _Descriptor(int):
    def close(self) -> None:
        os.close(self)


def give_to_user_of(database: Path, path: Path) -> None:
    """Give a new file or folder to the user of the database, where this process is root's.

    That is the owner of the database or, where root's own hand has made that, of its folder. Where the group of either
    may write, so it may here. No SQLite connection of this process may have the file open.
    """
    user = _user_of(database) if os.geteuid() == 0 else None
    # In a container whose root may not give files away they stay root's: most likely the monitor is root's there too.
    with suppress(OSError):
        if user is not None:
            _give(path, user)


def make_folder(database: Path, folder: Path) -> None:
    """Make a folder and those above it, for nobody but the user of the database. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing:
        give_to_user_of(database, made)


def _give(path: Path, user: os.stat_result) -> None:
    # The user can exchange names in a folder of theirs for links to what is root's: what was opened is what is given.
    with closing(_Descriptor(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))) as opened:
        made = os.fstat(opened)
        if made.st_uid != 0 or (stat.S_ISREG(made.st_mode) and made.st_nlink != 1):
            return
        os.fchown(opened, user.st_uid, user.st_gid)
        if user.st_mode & _GROUP_WRITES:
            enter = 0o010 if stat.S_ISDIR(made.st_mode) else 0
            os.fchmod(opened, stat.S_IMODE(made.st_mode) | user.st_mode & _SHARED_BY_GROUP | enter)


def _user_of(database: Path) -> os.stat_result | None:
    known: list[os.stat_result] = []
    for path in (database, database.absolute().parent):
        with suppress(OSError):
            known.append(path.stat())
    owned = [status for status in known if status.st_uid != 0]
    shared = [status for status in known if status.st_gid != 0 and status.st_mode & _GROUP_WRITES]
    return next(iter([*owned, *shared]), None)
