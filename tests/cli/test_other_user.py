"""What root types for a monitor that runs as another user leaves nothing that this user cannot use."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.world.recording import put, seen
from tests.world.transfers import info, sighting, xcalled

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make something for another user")

SILENCE = ("alerts", "silence", "--for", "PT1H")
USER, GROUP = 12345, 12346


@pytest.fixture
def monitor() -> Iterator[Program]:
    """A config in a folder that another user can reach, unlike those of pytest's, with a folder of that user's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    made = Program(folder)
    made.write_config()
    text = made.config.read_text().replace('"monitor.db"', '"data/monitor.db"')
    made.config.write_text(f'{text}\n[backup]\ndirectory = "backups/of/data"\n')
    data = folder / "data"
    data.mkdir(0o700)
    os.chown(data, USER, GROUP)
    yield made
    shutil.rmtree(folder)


async def a_transfer(store: Store) -> None:
    await put(store, seen(xcalled(info(1), sighting(1))))


def a_backup(monitor: Program) -> str:
    monitor.fill(a_transfer)
    made = monitor.folder / "from-elsewhere.db"
    made.write_bytes(monitor.database.read_bytes())
    monitor.database.unlink()
    return str(made)


def as_user(work: Callable[[], object], user: int = USER, group: int = GROUP) -> None:
    """Do it in a process of that user's; fails where it raises."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            work()
        except BaseException as error:  # noqa: BLE001 - the parent's pytest must not go on in here
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def use_everything(monitor: Program) -> None:
    """Open every file to write it, make and remove one in every folder, and run what writes there."""
    for top in (monitor.folder / "data", monitor.folder / "backups"):
        for folder, _, files in os.walk(top, onerror=_raise):
            Path(folder, "probe").touch()
            Path(folder, "probe").unlink()
            for name in files:
                with Path(folder, name).open("r+b"):
                    pass
    for command in (("backup",), SILENCE):
        result = monitor.run(*command)
        assert result.exit_code == 0, result.output


def _raise(error: OSError) -> None:
    raise error


def typed(monitor: Program, *commands: tuple[str, ...]) -> None:
    for command in commands:
        result = monitor.run(*command)
        assert result.exit_code in {0, 3}, result.output


def test_a_restore_where_no_database_is(monitor: Program) -> None:
    typed(monitor, ("restore", a_backup(monitor)), ("backup",), ("status",))
    as_user(lambda: use_everything(monitor))


def test_a_restore_over_what_root_had_restored_before(monitor: Program) -> None:
    backup = a_backup(monitor)
    typed(monitor, ("restore", backup))
    os.chown(monitor.folder / "data" / "monitor.db", 0, 0)
    os.chown(monitor.folder / "data" / "monitor.db.lock", 0, 0)
    typed(monitor, ("restore", backup), ("backup",))
    as_user(lambda: use_everything(monitor))


def test_commands_that_make_a_database(monitor: Program) -> None:
    typed(monitor, SILENCE, ("alerts", "silences"), ("backup",), ("status",), ("export", "transfers"))
    as_user(lambda: use_everything(monitor))


def test_commands_beside_the_database_of_a_monitor(monitor: Program) -> None:
    as_user(lambda: typed(monitor, SILENCE))
    typed(monitor, ("backup",), SILENCE, ("status",), ("stats",), ("alerts",), ("replay", "--since", "P1D"))
    as_user(lambda: use_everything(monitor))


def test_a_folder_that_is_shared_by_its_group(monitor: Program) -> None:
    data = monitor.folder / "data"
    os.chown(data, 0, GROUP)
    data.chmod(0o2770)
    typed(monitor, SILENCE, ("backup",), ("status",))
    as_user(lambda: use_everything(monitor))


def test_a_link_in_the_users_folder_gives_nothing_else_away(monitor: Program) -> None:
    precious = monitor.folder / "precious"
    precious.touch(0o600)
    lock = monitor.folder / "data" / "monitor.db.lock"
    lock.symlink_to(precious)
    monitor.run(*SILENCE)
    lock.unlink()
    lock.hardlink_to(precious)
    monitor.run(*SILENCE)
    assert precious.stat().st_uid == 0
