"""The real program as a process of its own, with a configuration for a devnet."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp

from connext_monitor.config import load_config
from scripts.devnet import Chain, Transfer
from tests.e2e.stacks import SHOWS_STACKS, end_with_stacks
from tests.e2e.under_way import deliveries_under_way
from tests.e2e.webhook import SECRET
from tests.world.databases import made_by_first_run
from tests.world.processes import ROOT, Command, Process, fork, lines_of, stands, typed
from tests.world.waiting import until

PATIENCE = 180.0
"""Seconds that anything may take which must happen, on a machine that does much else."""


class HasUrl(Protocol):
    """A receiver of webhooks."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What the monitor is told; durations are ISO 8601.

    By a chain's name, ``endpoints`` replace its own, and ``start_blocks`` the block after its present head.
    """

    chains: Sequence[Chain]
    webhooks: Mapping[str, HasUrl]
    execute: str = "PT6S"
    reconcile: str = "PT1H"
    unobserved_after: str = "PT20S"
    stalled_transfers: int = 1000
    endpoints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    start_blocks: Mapping[str, int] = field(default_factory=dict)
    finality: int = 5
    block_time: str = "PT1S"
    reports_every: str = ""
    listen: str = "127.0.0.1:0"
    log_level: str = "debug"
    database: str | None = None
    takeover_after: str = "PT30S"


async def write_config(setup: Setup, folder: Path) -> Path:
    """A config file in ``folder``."""
    parts = [
        f'[monitor]\nlisten = "{setup.listen}"\nlog_level = "{setup.log_level}"',
        # Whether midnight passes during a test must not matter.
        f'[stats]\nevery = "{setup.reports_every}"',
        "[alerts]",
        f'execute_deadline = "{setup.execute}"',
        f'reconcile_deadline = "{setup.reconcile}"',
        f'unobserved_after = "{setup.unobserved_after}"',
        f"stalled_transfers = {setup.stalled_transfers}",
    ]
    if setup.database is not None:
        parts[0] += f'\ndatabase = "{setup.database}"'
        parts.append(f'[cluster]\ntakeover_after = "{setup.takeover_after}"')
    for chain in setup.chains:
        endpoints = json.dumps(list(setup.endpoints.get(chain.name, [chain.ws_url])))
        parts.append(
            f"[chains.{chain.name}]\nchain_id = {chain.chain_id}\ndomain_id = {chain.domain_id}\n"
            f'contract = "{chain.contract}"\nendpoints = {endpoints}\n'
            f'block_time = "{setup.block_time}"\nfinality = {setup.finality}\n'
            f"start_block = {setup.start_blocks.get(chain.name, await chain.head() + 1)}"
        )
    for name, webhook in setup.webhooks.items():
        parts.append(f'[alert_providers.{name}]\ntype = "webhook"\nurl = "{webhook.url}"\nsecret = "{SECRET}"')
    file = folder / "config.toml"
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return file


class Monitor:
    """One process of the program; it is killed when the context ends, unless it has ended by itself.

    That kill comes while it sends nothing: what a channel has taken by then is recorded, so that the next monitor on
    the same database has no reason to repeat it.
    """

    def __init__(self, config: Path, *, skew: Path | None = None, cold: bool = False, before: str = "") -> None:
        """The monitor of this config.

        ``skew`` is a file that says by how many seconds the machine's time of day is wrong, see `skewed`; a ``cold``
        process is ``python -m connext_monitor``, which has loaded nothing before. ``before`` is Python that runs first.
        """
        self._config = config
        self._first = before
        self._skew = skew
        self._cold = cold
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        self._address: str | None = None
        self.lines: list[str] = []

    async def __aenter__(self) -> Self:
        readable, writable = os.pipe()
        try:
            self._process = self._started(writable)
        finally:
            os.close(writable)
        self._reading = asyncio.create_task(self._read(readable))
        return self

    async def __aexit__(self, failed: object = None, *_: object) -> None:
        try:
            if failed is None:
                await until(self._stands_between_deliveries, PATIENCE, lambda: (self._under_way(), self.said))
            else:
                await end_with_stacks(self._running)
        finally:
            self.kill()
            await self.ended()
            await self._session.close()
            if failed is not None:
                print(self.said)  # noqa: T201 - shown with the failure

    # The process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._running.poll()

    def kill(self) -> None:
        """As kill -9 does, whatever it is doing; a second call does nothing."""
        self._running.kill()

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM)."""
        self._running.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit code, once all that it said has been read; fails when it goes on for a minute."""
        await until(lambda: self.exit_code is not None, PATIENCE, lambda: self.said)
        if self._reading is not None:
            await self._reading
        return self._running.wait()

    async def stop(self) -> None:
        """As Ctrl-Z does, or a machine that sleeps: nothing of it runs any more (SIGSTOP)."""
        self._running.send_signal(signal.SIGSTOP)
        await until(lambda: self.exit_code is not None or stands(self.pid), PATIENCE)

    def go_on(self) -> None:
        """End of that (SIGCONT)."""
        self._running.send_signal(signal.SIGCONT)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """A command beside it, by the same clock: its exit code, and what it printed."""
        address = (await self.address()).removeprefix("http://")
        config = self._config.with_name("beside.toml")
        config.write_text(self._config.read_text(encoding="utf-8").replace("127.0.0.1:0", address), encoding="utf-8")
        ended = await typed(config, *arguments, before=self._before)
        return ended.code, ended.printed

    # What it says

    @property
    def said(self) -> str:
        """Everything on its stderr so far."""
        return "\n".join(self.lines)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines of this event."""
        parsed = [json.loads(line) for line in self.lines if line.startswith("{") and name in line]
        return [line for line in parsed if line["event"] == name]

    async def address(self) -> str:
        """Where it answers, once it does."""
        if self._address is None:
            await until(lambda: self.events("web.listening") or self.exit_code is not None, PATIENCE, lambda: self.said)
            self._address = str(self.events("web.listening")[0]["address"])
        return self._address

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of one of its pages."""
        async with self._session.get(await self.address() + path) as response:
            return response.status, await response.json()

    async def text(self, path: str) -> str:
        """One of its pages, as it is."""
        async with self._session.get(await self.address() + path) as response:
            return await response.text()

    async def ready(self) -> None:
        """Wait until all its chains are caught up and observed."""

        async def is_ready() -> bool:
            return (await self.get("/readyz"))[0] == 200

        await until(is_ready, PATIENCE, lambda: self.said)

    async def transfer(self, transfer: Transfer) -> dict[str, Any] | None:
        """What it says of a transfer; None where it does not know it."""
        status, body = await self.get(f"/api/v1/transfers/{transfer.transfer_id}")
        return body if status == 200 else None

    async def knows(self, transfer: Transfer, *statuses: str) -> None:
        """Wait until it says that the transfer has one of these statuses."""
        seen: list[object] = []

        async def known() -> bool:
            transfer_now = await self.transfer(transfer)
            seen.append(transfer_now and transfer_now["status"])
            return seen[-1] in statuses

        await until(known, PATIENCE, lambda: f"{statuses} never, {seen[-1:]}; {self.said}")

    async def state(self, transfer: Transfer, leg: str = "execute") -> str:
        """The state of a leg's deadline."""
        transfer_now = await self.transfer(transfer)
        assert transfer_now is not None
        return str(transfer_now["deadlines"][leg]["state"])

    async def chain(self, name: str) -> dict[str, Any]:
        """What it says of a chain."""
        _, body = await self.get("/api/v1/chains")
        chain: dict[str, Any] = next(chain for chain in body["items"] if chain["name"] == name)
        return chain

    async def covers(self, name: str, timestamp: int) -> None:
        """Wait until the chain is covered past this instant (Unix seconds)."""

        async def covered() -> bool:
            # While it stands by for another instance it knows of no chain.
            _, body = await self.get("/api/v1/chains")
            marks = [chain["watermark"] for chain in body["items"] if chain["name"] == name]
            return any(mark and datetime.fromisoformat(mark).timestamp() > timestamp for mark in marks)

        await until(covered, PATIENCE, lambda: self.said)

    async def alerts(self) -> list[tuple[str, str, str]]:
        """Kind, subject and state of all its alerts, the oldest first."""
        _, body = await self.get("/api/v1/alerts?limit=200")
        return [(alert["kind"], alert["subject"], alert["state"]) for alert in reversed(body["items"])]

    def _started(self, stderr: int) -> Process:
        command = ["--config", str(self._config)]
        if self._cold:
            assert self._skew is None
            program = [sys.executable, "-m", "connext_monitor", *command]
            quiet = subprocess.DEVNULL
            return subprocess.Popen(program, cwd=ROOT, stdin=quiet, stdout=quiet, stderr=stderr)
        self._spare_first_run()
        return fork(Command(command, ROOT, os.environ, self._before), stdout=subprocess.DEVNULL, stderr=stderr)

    def _spare_first_run(self) -> None:
        """Have the database there as a first run makes it: to make it takes as long as all else at a start."""
        database = self._config.with_name("connext-monitor.db")
        if "database = " not in self._config.read_text(encoding="utf-8") and not database.exists():
            database.write_bytes(made_by_first_run())

    @property
    def _before(self) -> str:
        skews = f"from tests.e2e import skewed; skewed.skew({str(self._skew)!r})" if self._skew else ""
        return f"{SHOWS_STACKS}; {skews}\n{self._first}"

    @property
    def _running(self) -> Process:
        assert self._process is not None
        return self._process

    async def _stands_between_deliveries(self) -> bool:
        """Whether it has ended, or was stopped where nothing is under way; else it goes on."""
        await self.stop()
        if self.exit_code is not None or not self._under_way():
            return True
        self.go_on()
        return False

    def _under_way(self) -> list[str]:
        return deliveries_under_way(load_config(self._config, os.environ).monitor.database)

    async def _read(self, stderr: int) -> None:
        async for line in lines_of(stderr):
            self.lines.append(line)
