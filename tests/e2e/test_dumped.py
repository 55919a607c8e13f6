"""The commands of docs/operations.md for the backups of a PostgreSQL database, typed on a server."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.e2e.documented import FILES, commands
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world import postgres

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]

PROGRAMS = ("createdb", "pg_dump", "pg_restore")
TYPED = [words for words in commands(FILES[1].read_text(encoding="utf-8")) if words[0] in PROGRAMS]


class Shell:
    """Where an operator types: the server's programs are found, and the server is the one of this test."""

    def __init__(self, server: postgres.Server, folder: Path) -> None:
        programs = postgres.programs()
        assert programs is not None
        path = f"{programs}:{os.environ['PATH']}"
        self._environ = {**os.environ, "PATH": path, "PGHOST": str(server.folder), "PGUSER": "postgres"}
        self._folder = folder

    def type(self, *words: str) -> None:
        subprocess.run(words, cwd=self._folder, env=self._environ, check=True, timeout=120)


@pytest.fixture
def databases(server: postgres.Server) -> Iterator[tuple[DatabaseUrl, DatabaseUrl]]:
    """What the documents call the database, and what the one that a copy is restored into; neither is there yet."""
    names = "connext_monitor", "connext_monitor_restored"
    for name in names:
        server.drop(name)
    yield server.url(names[0]), server.url(names[1])
    for name in names:
        server.drop(name)


async def test_a_monitor_goes_on_with_a_dump_that_was_restored(
    bridge: Devnet, server: postgres.Server, databases: tuple[DatabaseUrl, DatabaseUrl], tmp_path: Path
) -> None:
    alpha, beta, _ = bridge.chains
    shell = Shell(server, tmp_path)
    create, dump, create_another, restore = TYPED
    shell.type(*create)
    async with Receiver() as webhook:
        setup = Setup(
            (alpha, beta),
            {"machines": webhook},
            execute="PT5M",
            unobserved_after="PT8S",
            database="DATABASE",
            takeover_after="PT10S",
        )
        config = await write_config(setup, tmp_path)
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("DATABASE", databases[0].get_secret_value()), encoding="utf-8")
        async with Monitor(config) as monitor:
            await monitor.ready()
            before = await bridge.xcall(alpha, beta)
            await monitor.knows(before, "XCalled")
            await asyncio.to_thread(shell.type, *dump)
            since = await bridge.xcall(alpha, beta)
            await monitor.knows(since, "XCalled")
        for words in (create_another, restore):
            await asyncio.to_thread(shell.type, *words)
        config.write_text(text.replace("DATABASE", databases[1].get_secret_value()), encoding="utf-8")
        async with Monitor(config) as monitor:
            await monitor.ready()
            await monitor.knows(before, "XCalled")
            await monitor.knows(since, "XCalled")
            await bridge.execute_fast(before)
            await monitor.knows(before, "Executed")
