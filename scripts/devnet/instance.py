"""One of several instances of the monitor, as a process that is killed and started again."""

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp

_STOP_SECONDS = 6.0
_ANSWERS_WITHIN = aiohttp.ClientTimeout(total=5)
_PAGE = 500
"""Transfers in an answer."""


@dataclass(frozen=True, slots=True)
class Term:
    """Who owns the work, and since when, as the API says it."""

    owner: str
    since: str


class Instance:
    """A monitor with a config of its own. What it prints goes to ``say``, line by line."""

    def __init__(self, name: str, config: Path, listen: str, say: Callable[[str], None]) -> None:
        self.name = name
        self.config = config
        self.listen = listen
        self._say = say
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None where it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def run(self) -> int:
        """Run it until it ends; how it did. Where this is cancelled, stop it first, as Ctrl-C would."""
        # In a session of its own: the terminal's Ctrl-C then reaches it once, through us, and in our order.
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connext_monitor", "--config", str(self.config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        reading = asyncio.create_task(self._pass_on(cast("asyncio.StreamReader", process.stdout)))
        try:
            return await process.wait()
        finally:
            await stopped(process)
            await reading

    def kill(self) -> None:
        """As kill -9 does."""
        if self.pid is not None and self._process is not None:
            self._process.kill()

    def ask_to_stop(self) -> None:
        """As Ctrl-C does."""
        if self.pid is not None and self._process is not None:
            self._process.terminate()

    async def ask(self, path: str) -> Any:  # noqa: ANN401 - JSON has any shape
        """What it answers; None where it does not, or has no good answer."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_ANSWERS_WITHIN) as session,
                session.get(f"http://{self.listen}{path}") as answer,
            ):
                return await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def term(self) -> "Term | None":
        """Which instance owns the work, as this one sees it; None where none does, or it does not answer."""
        listed = await self.ask("/api/v1/instances")
        terms = (
            [Term(each["name"], each["owns_since"]) for each in listed["items"] if each["owns_work"]] if listed else []
        )
        return terms[0] if terms else None

    async def transfers(self) -> dict[str, Any]:
        """All it knows, by their ids; none where it does not answer."""
        known: dict[str, Any] = {}
        cursor = ""
        while page := await self.ask(f"/api/v1/transfers?limit={_PAGE}{cursor}"):
            known |= {each["transfer_id"]: each for each in page["items"]}
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        return known

    async def _pass_on(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            self._say(line.decode(errors="replace").rstrip("\n"))


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, and kill it where it does not."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
