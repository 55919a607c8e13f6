"""The monitor as a process of its own, whose streams, limits and libraries a test chooses; its chains are gone."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.world.configs import chain_table
from tests.world.databases import made_by_first_run
from tests.world.processes import Command, Process, fork, process_environ, start_cold

PATIENCE = 180.0
"""Seconds that anything may take which must happen, on a machine that does much else."""
Stream = int | Path
"""A descriptor, or a file that is written to."""
CONSOLE = '[alert_providers.console]\ntype = "console"\n'


def webhook(url: str) -> str:
    """A webhook's part of a config."""
    return f'[alert_providers.machines]\ntype = "webhook"\nurl = "{url}"\n'


def write_config(
    folder: Path, port: int, *parts: str, endpoint: str = "http://127.0.0.1:9/", first_run: bool = False
) -> Path:
    """Two chains that are out of sight, which is told after a second; a database is there but for a ``first_run``."""
    if not first_run:
        (folder / "monitor.db").write_bytes(made_by_first_run())
    file = folder / "config.toml"
    tables = (chain_table("here", 1001, f"{endpoint}here"), chain_table("there", 1002, f"{endpoint}there"))
    monitor = f'[monitor]\ndatabase = "monitor.db"\nlisten = "127.0.0.1:{port}"\n[alerts]\nunobserved_after = "PT1S"\n'
    file.write_text(monitor + "\n".join((*tables, *parts)), encoding="utf-8")
    return file


@dataclass
class Running:
    """A monitor that runs; ``port`` is where it answers, ``stderr`` the file that has what it says."""

    process: Process
    port: int
    stderr: Path | None = None

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of what it answers."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as response,
        ):
            return response.status, await response.text()

    async def healthy(self) -> None:
        """Wait until it says that it is."""

        async def answers() -> bool:
            assert self.process.poll() is None
            try:
                return (await self.get("/healthz"))[0] == 200
            except aiohttp.ClientError:
                return False

        await asyncio_until(answers)

    @property
    def said(self) -> str:
        """All on its stderr so far, where a file has that."""
        return "" if self.stderr is None else self.stderr.read_text(encoding="utf-8", errors="replace")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.to_thread(self.process.wait, PATIENCE)


async def asyncio_until(condition: Callable[[], Any]) -> None:
    """Until it holds, or a minute has passed."""
    until = time.monotonic() + PATIENCE
    while True:
        holds = condition()
        if await holds if asyncio.iscoroutine(holds) else holds:
            return
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


def without(closed: Sequence[int]) -> str:
    """Python that makes a process as it is where these of its first three descriptors were closed when it began."""
    names = ("stdin", "stdout", "stderr")
    return "import os, sys\n" + "".join(
        f"os.close({number}); sys.{names[number]} = sys.__{names[number]}__ = None\n" for number in closed
    )


@contextmanager
def running(
    folder: Path,
    port: int,
    *arguments: str,
    stdout: Stream = subprocess.DEVNULL,
    stderr: Stream | None = None,
    descriptors: int | None = None,
    closed: Sequence[int] = (),
    ignored: Sequence[int] = (),
    before: str = "",
    cold: bool = False,
) -> Iterator[Running]:
    """The program with these arguments; killed at the end where it still runs.

    ``before`` is what Python is to do before the program begins, ``closed`` and ``ignored`` are descriptors and signals
    that it is begun without. What is ``cold`` has loaded nothing before; any other is made as Python makes one that is
    begun without these descriptors. Without a ``stderr`` that goes to a file in the folder; a failure shows what a file
    has of it.
    """
    stderr = folder / "stderr" if stderr is None else stderr
    before = before if cold else without(closed) + before
    command = Command(arguments, folder, process_environ(), before, ignored, descriptors)
    with ExitStack() as files:
        out, err = (files.enter_context(s.open("wb")) if isinstance(s, Path) else s for s in (stdout, stderr))
        process = start_cold(command, out, err, closed) if cold else fork(command, stdout=out, stderr=err)
        files.callback(process.wait)
        files.callback(process.kill)
        monitor = Running(process, port, stderr if isinstance(stderr, Path) and stderr.is_file() else None)
        try:
            yield monitor
        except BaseException:
            print(f"it ended with {process.poll()}; it said: {monitor.said}")  # noqa: T201 - shown with the failure
            raise
