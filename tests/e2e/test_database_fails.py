"""The database fails under the real program: a full disk, a lock, a file that is gone. It is told, nothing is lost."""

import asyncio
import html
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.switch import Switch
from tests.e2e.webhook import Received, Receiver
from tests.world.databases import open_store
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPENED = ("alert.opened", "database_failing", "database")
RESOLVED = ("alert.resolved", "database_failing", "database")


@asynccontextmanager
async def monitor_on(
    bridge: Devnet, folder: Path, webhook: Receiver, database: Path, more: str = ""
) -> AsyncIterator[Monitor]:
    """A monitor of two chains with its database there, once it is ready."""
    setup = Setup(bridge.chains[:2], {"machines": webhook}, execute="PT5M", unobserved_after="PT10S")
    config = await write_config(setup, folder)
    text = config.read_text().replace("[monitor]\n", f'[monitor]\ndatabase = "{database}"\n', 1)
    config.write_text(f"{text}\n{more}\n")
    async with Monitor(config) as monitor:
        await monitor.ready()
        yield monitor


async def healthz(monitor: Monitor, status: int) -> Any:
    """What it says of its health, once that has this status."""
    said: list[Any] = []

    async def has_status() -> bool:
        said.append(await monitor.get("/healthz"))
        return bool(said[-1][0] == status)

    await until(has_status, why=lambda: f"{said[-1:]}; {monitor.said}")
    return said[-1][1]


@asynccontextmanager
async def repeated(act: Callable[[], Awaitable[Transfer]], results: list[Transfer]) -> AsyncIterator[None]:
    """Does it again and again meanwhile, and adds what it returns."""
    ended = asyncio.Event()

    async def repeat() -> None:
        while not ended.is_set():
            results.append(await act())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(repeat())
        yield
        ended.set()


def received_alerts(webhook: Receiver, *what: str) -> list[Received]:
    return [received for received in webhook.received if "alert" in received.body["data"] and received.what == what]


@contextmanager
def full_tmpfs(folder: Path) -> Iterator[Callable[[], Callable[[], object]]]:
    """A small file system of its own; what is yielded fills it up, and returns what makes room again."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")

    def fill() -> Callable[[], object]:
        with (folder / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        return (folder / "ballast").unlink

    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def limit_file_size(monitor: Monitor) -> Callable[[], object]:
    """Let it write nothing beyond the first page of a file: not one change fits into its log, wherever that stands."""
    resource.prlimit(monitor.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    return partial(resource.prlimit, monitor.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


@pytest.mark.parametrize("how", ["full disk", "file size limit", "lock"])
async def test_while_the_database_cannot_be_written_it_says_why_and_loses_nothing(
    bridge: Devnet, tmp_path: Path, how: str
) -> None:
    alpha, beta, _ = bridge.chains
    data = tmp_path / "data"
    data.mkdir()
    database = data / "monitor.db"
    async with Receiver() as webhook, Switch() as switch:
        heartbeat = f'[heartbeat]\nurl = "{switch.base}/ping"\nevery = "PT0.5S"'
        with full_tmpfs(data) if how == "full disk" else nullcontext() as fill:
            async with monitor_on(bridge, tmp_path, webhook, database, heartbeat) as monitor:
                await monitor.knows(await bridge.xcall(alpha, beta), "XCalled")
                mend: Callable[[], object]
                if how == "full disk":
                    assert fill is not None
                    mend, words = fill(), "the disk is full"
                elif how == "file size limit":
                    mend, words = limit_file_size(monitor), "the largest size"
                else:
                    holder = sqlite3.connect(database, isolation_level=None)
                    holder.execute("BEGIN IMMEDIATE")
                    mend, words = holder.close, "another program holds the database's lock"
                missed = [await bridge.xcall(alpha, beta)]
                # On a full disk a commit still succeeds while it fits into what SQLite's log takes up already.
                async with repeated(lambda: bridge.xcall(alpha, beta), missed):
                    assert words in (await healthz(monitor, 503))["error"]
                opened = await webhook.gets(*OPENED, seconds=90)
                assert words in opened.alert["text"].lower()
                assert opened.alert["severity"] == "critical"
                assert words in str((await monitor.get("/readyz"))[1])
                assert (await monitor.get("/api/v1/transfers"))[0] == 200
                assert words in html.unescape(await monitor.text("/"))
                await until(lambda: switch.silent_for() > 3)
                mend()
                assert (await healthz(monitor, 200)) == {"status": "ok"}
                resolved = await webhook.gets(*RESOLVED)
                assert resolved.alert["id"] == opened.alert["id"]
                for transfer in missed:
                    await monitor.knows(transfer, "XCalled")
                await until(lambda: switch.silent_for() < 1)
                await until(lambda: has_history(monitor), why=lambda: monitor.said)
                monitor.terminate()
                assert await monitor.ended() == 0
    assert "Traceback" not in monitor.said
    assert "an error in this program" not in monitor.said
    assert not received_alerts(webhook, "alert.opened", "chain_unobserved", "alpha")
    lines = monitor.events("database.failing")
    assert 1 <= len(lines) <= 3
    assert words in lines[0]["reason"]
    assert len(received_alerts(webhook, *OPENED)) == len(received_alerts(webhook, *RESOLVED)) == 1


async def has_history(monitor: Monitor) -> bool:
    return ("database_failing", "database", "resolved") in await monitor.alerts()


async def test_a_stop_while_another_program_holds_the_lock_is_clean(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    database = tmp_path / "monitor.db"
    async with Receiver() as webhook, monitor_on(bridge, tmp_path, webhook, database) as monitor:
        with closing(sqlite3.connect(database, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            missed = await bridge.xcall(alpha, beta)
            await healthz(monitor, 503)
            monitor.terminate()
            assert await monitor.ended() == 0
            assert "Traceback" not in monitor.said
        async with Monitor(tmp_path / "config.toml") as again:
            await again.knows(missed, "XCalled")


LOSSES: dict[str, Callable[[Path], object]] = {
    "deleted": lambda file: file.unlink(),
    "moved": lambda file: file.rename(file.with_name("elsewhere.db")),
    "replaced": lambda file: [shutil.copy(file, file.with_name("new.db")), file.with_name("new.db").replace(file)],
    "folder renamed": lambda file: file.parent.rename(file.parent.with_name("renamed")),
    "folder deleted": lambda file: shutil.rmtree(file.parent),
    "log deleted": lambda file: Path(f"{file}-wal").unlink(),
    "index replaced": lambda file: file.with_name("other.db").replace(f"{file}-shm"),
    "emptied": lambda file: os.truncate(file, 0),
    "a backup copied over it": lambda file: file.write_bytes(next(file.parent.glob("*Z.db")).read_bytes()),
    "overwritten": lambda file: file.write_bytes(file.with_name("other.db").read_bytes()),
    "damaged": lambda file: file.write_bytes(b"damaged" * 100_000),
}


@pytest.mark.parametrize("how", LOSSES)
async def test_a_lost_database_ends_it_and_alerts_the_channels(bridge: Devnet, tmp_path: Path, how: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await (await open_store(data / "other.db", {})).close()
    async with (
        Receiver() as webhook,
        monitor_on(
            bridge, tmp_path, webhook, data / "monitor.db", f'[backup]\nevery = "PT1H"\ndirectory = "{data}"'
        ) as monitor,
    ):
        await until(lambda: (data / "monitor.db").read_bytes()[60:64] != bytes(4), why=lambda: monitor.said)
        await until(lambda: monitor.events("backup.made"), why=lambda: monitor.said)
        LOSSES[how](data / "monitor.db")
        opened = await webhook.gets(*OPENED)
        assert await monitor.ended() == 1
    assert "restore" in opened.alert["text"]
    assert "Traceback" not in monitor.said
    assert monitor.events("database.failing")[-1]["reason"].lower() in opened.alert["text"].lower()


async def test_after_a_loss_the_next_start_resolves_the_same_alert(bridge: Devnet, tmp_path: Path) -> None:
    database = tmp_path / "monitor.db"
    async with Receiver() as webhook:
        async with monitor_on(bridge, tmp_path, webhook, database) as monitor:
            database.unlink()
            opened = await webhook.gets(*OPENED)
            assert await monitor.ended() == 1
            assert not database.exists()
        async with Monitor(tmp_path / "config.toml") as again:
            resolved = await webhook.gets(*RESOLVED)
            await until(lambda: has_history(again), why=lambda: again.said)
        assert resolved.alert["id"] == opened.alert["id"]
        assert len(received_alerts(webhook, *OPENED)) == len(received_alerts(webhook, *RESOLVED)) == 1


async def test_a_start_on_a_full_disk_is_alerted_and_resolved_once(bridge: Devnet, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    async with Receiver() as webhook:
        with full_tmpfs(data) as fill:
            database = data / "monitor.db"
            async with monitor_on(bridge, tmp_path, webhook, database) as monitor:
                monitor.terminate()
                await monitor.ended()
            make_room = fill()
            # As under a supervisor, which starts it again and again.
            for _ in range(2):
                async with Monitor(tmp_path / "config.toml") as failing:
                    assert await failing.ended() == 1
                assert "the disk is full" in failing.said
            opened = await webhook.gets(*OPENED)
            assert opened.alert["title"] == "The monitor cannot start"
            make_room()
            async with Monitor(tmp_path / "config.toml"):
                resolved = await webhook.gets(*RESOLVED)
        assert resolved.alert["id"] == opened.alert["id"]
        assert len(received_alerts(webhook, *OPENED)) == len(received_alerts(webhook, *RESOLVED)) == 1


async def test_a_damaged_database_is_refused_at_the_start_with_the_cure(bridge: Devnet, tmp_path: Path) -> None:
    async with Receiver() as webhook:
        config = await write_config(Setup(bridge.chains[:2], {"machines": webhook}), tmp_path)
        database = tmp_path / "connext-monitor.db"
        await (await open_store(database, {})).close()
        whole = database.read_bytes()
        database.write_bytes(whole[:4096] + b"damaged!" * ((len(whole) - 4096) // 8))
        # As under a supervisor, which starts it again and again.
        for _ in range(2):
            async with Monitor(config) as monitor:
                assert await monitor.ended() == 1
            assert "damaged" in monitor.said
            assert "connext-monitor restore FILE" in monitor.said
            assert "Traceback" not in monitor.said
        assert len(received_alerts(webhook, *OPENED)) == 1
