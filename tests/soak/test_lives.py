"""Which ends of a process are mishaps."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.monitor import PATIENCE, Monitor
from tests.soak.lives import Lives
from tests.soak.plan import ProcessTrouble
from tests.world.processes import Process
from tests.world.waiting import until

_LISTENS = 'print(\'{"event": "web.listening"}\', file=sys.stderr, flush=True)'
_OBEYS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"
_FAILS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))"
_TRACEBACK = "print('Traceback (most recent call last)', file=sys.stderr, flush=True)"
_GOES_ON = "signal.pause()"


def lives_of(folder: Path, *script: str) -> Lives:
    """Those of a monitor that is this Python code."""

    class Played(Monitor):
        def _started(self, stderr: int) -> Process:
            return subprocess.Popen([sys.executable, "-c", "; ".join(["import signal, sys", *script])], stderr=stderr)

        async def __aenter__(self) -> Self:
            await super().__aenter__()
            if _LISTENS in script:
                await until(lambda: any("web.listening" in line for line in self.lines))
            return self

    return Lives(folder / "config.toml", folder, lambda _: None, Played, stops_within=PATIENCE)


async def test_a_stop_with_exit_code_0_is_as_it_should_be(tmp_path: Path) -> None:
    some = lives_of(tmp_path, _OBEYS, _LISTENS, _GOES_ON)
    await some.start()
    await some.stop()
    assert some.mishaps == []
    assert [life.by for life in some.all] == ["SIGTERM"]
    assert "web.listening" in (tmp_path / "life-1.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", [(_FAILS, _LISTENS, _GOES_ON), (_LISTENS, _GOES_ON)])
async def test_a_stop_with_another_exit_code_is_a_mishap(tmp_path: Path, script: tuple[str, ...]) -> None:
    some = lives_of(tmp_path, *script)
    await some.start()
    await some.stop()
    assert len(some.mishaps) == 1


async def test_while_it_loads_the_signal_may_end_it(tmp_path: Path) -> None:
    some = lives_of(tmp_path, _GOES_ON)
    await some.start()
    await some.stop()
    assert some.mishaps == []


async def test_a_kill_is_no_mishap_and_a_new_life_follows(tmp_path: Path) -> None:
    some = lives_of(tmp_path, _GOES_ON)
    await some.start()
    await some.suffer(ProcessTrouble.KILLED)
    assert some.current is None
    await some.recover(ProcessTrouble.KILLED)
    assert some.current is not None
    assert some.current.number == 2
    await some.kill()
    assert some.mishaps == []


async def test_an_end_of_its_own_is_a_mishap_before_a_start(tmp_path: Path) -> None:
    some = lives_of(tmp_path, "sys.exit(1)")
    await some.start()
    watching = asyncio.create_task(some.watch())
    await until(lambda: len(some.all) >= 2)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await some.kill()
    assert "life 1 ended by itself, with exit code 1" in some.mishaps


async def test_a_logged_traceback_is_a_mishap(tmp_path: Path) -> None:
    some = lives_of(tmp_path, _TRACEBACK, _OBEYS, _LISTENS, _GOES_ON)
    await some.start()
    await some.stop()
    assert some.mishaps == ["life 1 logged a traceback"]
