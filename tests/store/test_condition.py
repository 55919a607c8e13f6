"""The condition of a database: what counts as an outage and as its end, in the time in which the program has run."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.process.running_loop import RunningLoop
from connext_monitor.store.condition import Condition
from connext_monitor.store.database import Database
from connext_monitor.store.engine import engine_of
from connext_monitor.store.trouble import DatabaseFiles
from tests.world.postgres import Server


def test_a_disk_that_does_not_answer_for_half_a_minute_hangs(tmp_path: Path) -> None:
    now = 1000.0
    condition = Condition(DatabaseFiles(tmp_path / "monitor.db"), lambda: now)
    condition.begun("write")
    now += 29
    assert condition.trouble is None
    now += 1
    assert condition.trouble is not None
    assert (condition.trouble.kind, condition.works_for) == (TroubleKind.DISK, 0.0)
    condition.ended("write")
    now += 5
    assert (condition.trouble, condition.works_for) == (None, 5.0)


@pytest.mark.server
def test_a_server_that_does_not_answer_is_not_called_a_disk(server: Server) -> None:
    now = 1000.0
    condition = Condition(engine_of(server.url("postgres")).files(), lambda: now)
    condition.begun("write")
    now += 30
    assert condition.trouble is not None
    assert (condition.trouble.kind, condition.trouble.words) == (
        TroubleKind.SERVER,
        "the database server has not answered for 30 s",
    )


def test_a_program_stopped_during_a_write_does_not_blame_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monotonic = time.monotonic

    async def stopped_while_it_writes() -> Condition:
        database = await Database.open(tmp_path / "monitor.db")
        try:
            database.condition.begun("write")
            # The loop's own time is not touched by this: to it, the program stood still.
            monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 600.0)
            return database.condition
        finally:
            await database.close()

    with asyncio.Runner(loop_factory=RunningLoop) as runner:
        condition = runner.run(stopped_while_it_writes())
        assert condition.trouble is None
        condition.ended("write")
        assert condition.works_for > 600


FULL = DatabaseTrouble(TroubleKind.FULL, "the disk is full")
Notes = tuple[Callable[[DatabaseTrouble], None], Callable[[], None]]


def reads(it: Condition) -> Notes:
    return it.not_read, it.was_read


def writes(it: Condition) -> Notes:
    return it.not_written, it.written


@pytest.mark.parametrize("what", [reads, writes])
def test_it_works_again_only_once_nothing_has_failed_for_a_while(
    tmp_path: Path, what: Callable[[Condition], Notes]
) -> None:
    now = 1000.0
    condition = Condition(DatabaseFiles(tmp_path / "monitor.db"), lambda: now)
    failed, succeeded = what(condition)
    # On a disk that is all but full what is small is taken, and what is large is not.
    for _ in range(10):
        failed(FULL)
        now += 1
        succeeded()
        assert condition.trouble == FULL
        now += 1
    for _ in range(3):
        succeeded()
        now += 1
    assert condition.trouble is None
