"""The files of a simulated database, on which the processes of all instances work."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.simulation import settings
from tests.simulation.disk import Disk


class DatabaseFiles:
    """What of a database outlives the processes that work on it, in ``folder``.

    What stands in its files when the last of them is gone lies in a new folder for the next one: whatever is left of a
    process in memory holds none of its files.
    """

    def __init__(self, folder: Path, *, one_instance: bool) -> None:
        self._folder = folder
        self._one_instance = one_instance
        self._moves = 0
        self._here = folder
        self._users: list[Disk] = []

    def open(self, _instance: int, full: Callable[[], int | None], on_commit: Callable[[], None]) -> Disk:
        """A new process's view of them; see `Disk`."""
        if not self._users:
            self._move()
        disk = Disk(self._here, full, on_commit, alone=self._one_instance)
        self._users.append(disk)
        return disk

    def keep(self, dying: Disk) -> Path | None:
        """Copy what a new process would find now, as one dies; None where another one works on them all the same."""
        if any(disk is not dying and not disk.dead for disk in self._users):
            return None
        kept = self._folder / "kept"
        kept.mkdir()
        dying.copy_to(kept)
        return kept

    def leave(self, disk: Disk, kept: Path | None) -> None:
        """Once nothing of its process is on the stack any more: let go of them, and put back what was kept."""
        disk.close()
        self._users.remove(disk)
        if kept is not None:
            shutil.rmtree(self._here)
            kept.rename(self._here)

    def _move(self) -> None:
        before, self._here = self._here, self._folder / f"life-{self._moves + 1}"
        self._here.mkdir()
        if self._moves:
            for file in before.iterdir():
                file.rename(self._here / file.name)
        else:
            settings.first_database(self._here)
        self._moves += 1
