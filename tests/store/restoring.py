"""Restores in processes that kill themselves at their n-th step on the file system, for every n until one survives.

Run as ``python -m tests.store.restoring FOLDER``: each process works on a copy ``FOLDER/n`` of ``FOLDER/prepared``, and
restores its ``backup.db`` over its ``monitor.db``. The number of the one that survived is printed.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from connext_monitor.store.restore import Restore
from tests.world.recording import NOW

STEPS = {"open", "os.rename", "os.link", "os.remove", "sqlite3.connect", "shutil.copymode"}


def restore(folder: Path) -> None:
    with Restore(folder / "monitor.db") as restoring:
        restoring.put_in_place(folder / "backup.db", NOW)


def _killed_at(step: int, folder: Path) -> None:
    left = [step]

    def count(event: str, arguments: tuple[object, ...]) -> None:
        # Of what is opened, what lies in the folder; the migrations are read too.
        if event in STEPS and str(folder) in str(arguments[0]):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    restore(folder)


def _until_one_survives(folder: Path) -> int:
    step, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        step += 1
        shutil.copytree(folder / "prepared", folder / str(step))
        child = os.fork()
        if child == 0:
            _killed_at(step, folder / str(step))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise RuntimeError(f"process {step} ended with {status}")
    return step


if __name__ == "__main__":
    sys.stdout.write(str(_until_one_survives(Path(sys.argv[1]))))
