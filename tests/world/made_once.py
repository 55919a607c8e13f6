"""What takes long to make and is always the same: made once in a run of tests, for all of its processes."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_OWNER = os.getpid()
_FOLDER = Path(tempfile.mkdtemp(prefix="connext-monitor-made."))


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A file or a folder of this name, which ``make`` makes; whoever comes while it is made waits. Nobody alters it."""
    with (_FOLDER / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        made = _FOLDER / name
        if not made.exists():
            under_way = _FOLDER / f"{name}.under-way"
            shutil.rmtree(under_way, ignore_errors=True)
            make(under_way)
            under_way.rename(made)
        return made


@atexit.register
def _remove() -> None:
    if os.getpid() == _OWNER:  # and not a process that was forked off it
        shutil.rmtree(_FOLDER, ignore_errors=True)
