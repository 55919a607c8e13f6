"""How long the disk has not answered is measured by the time in which the program has run."""

import asyncio
import time
from pathlib import Path

import pytest

from connext_monitor.core.database_trouble import TroubleKind
from connext_monitor.running_loop import RunningLoop
from connext_monitor.store.condition import Condition
from connext_monitor.store.database import Database


def test_a_disk_that_does_not_answer_for_half_a_minute_hangs(tmp_path: Path) -> None:
    now = 1000.0
    condition = Condition(tmp_path / "monitor.db", lambda: now)
    condition.begun("write")
    now += 29
    assert condition.trouble is None
    now += 1
    assert condition.trouble is not None
    assert (condition.trouble.kind, condition.works_for) == (TroubleKind.DISK, 0.0)
    condition.ended("write")
    now += 5
    assert (condition.trouble, condition.works_for) == (None, 5.0)


def test_a_program_that_was_stopped_in_the_middle_of_a_write_does_not_blame_the_disk(
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
