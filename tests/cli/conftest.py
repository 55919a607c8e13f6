import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connext_monitor.cli.options import Settings
from connext_monitor.cli.program import program
from connext_monitor.store.store import Store
from tests.cli.documents import assert_described
from tests.world.configs import chain_table
from tests.world.databases import open_store
from tests.world.processes import Command, process_environ, run
from tests.world.two_chains import NAMES


@dataclass
class Program:
    """The command line in a folder of its own, with a config of the sample chains and a database that may be filled.

    A running monitor has ``answers_within`` seconds to answer a command in this process.
    """

    folder: Path
    answers_within: float = 60.0

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def database(self) -> Path:
        return self.folder / "monitor.db"

    def write_config(self, *parts: str, listen: str = "") -> None:
        """A config with these parts, without any the two sample chains."""
        chains = parts or (chain_table("here", 1001), chain_table("there", 1002))
        monitor = f'[monitor]\ndatabase = "monitor.db"\nlisten = "{listen}"\n'
        self.config.write_text(monitor + "\n".join(chains))

    def fill(self, work: Callable[[Store], Awaitable[None]]) -> None:
        """Open the database as the monitor does, and let it be filled."""

        async def run() -> None:
            store = await open_store(self.database, NAMES)
            await work(store)
            await store.close()

        asyncio.run(run())

    def run(self, *arguments: str) -> Result:
        """The command in this process."""
        settings = Settings(monitor_answers_within=self.answers_within)
        return CliRunner().invoke(program, ["--config", str(self.config), *arguments], obj=settings)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What the command prints with ``--json``."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == code, result.output
        answer = json.loads(result.stdout)
        assert_described(arguments, answer)
        return answer

    def forked(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The command in the folder, as a process of its own that has the program loaded already."""
        command = Command(arguments, self.folder, process_environ(**environ))
        ended = run(command)
        return subprocess.CompletedProcess(arguments, ended.code, ended.printed, ended.said)

    def process(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The command in the folder, as a process of its own from its very beginning."""
        return subprocess.run(
            [sys.executable, "-m", "connext_monitor", *arguments],
            cwd=self.folder,
            env=process_environ(**environ),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def monitor(tmp_path: Path) -> Program:
    made = Program(tmp_path)
    made.write_config()
    return made


class OtherLoop:
    """An event loop in a thread of its own, for servers that a command is to ask."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def complete(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it there to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def end(self) -> None:
        self.complete(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def another_loop() -> Iterator[OtherLoop]:
    loop = OtherLoop()
    yield loop
    loop.end()


@pytest.fixture
def elsewhere() -> Iterator[OtherLoop]:
    with another_loop() as loop:
        yield loop
