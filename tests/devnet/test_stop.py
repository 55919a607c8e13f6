"""Everything that the devnet starts is stopped with it, however it ends."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts.devnet import toolchain
from tests.devnet.forked_command import devnet_command
from tests.world.made_bridge import made_bridge
from tests.world.processes import Process, fork
from tests.world.waiting import BOUND, until


async def processes(*columns: str) -> list[list[str]]:
    """One row per process of this machine, the oldest first, with those columns of ps."""
    ps = await asyncio.create_subprocess_exec(
        *("ps", "-A", "--sort=start_time", "-o", ",".join(f"{column}=" for column in columns)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await ps.communicate()
    return [line.split() for line in out.decode().splitlines()]


async def alive(groups: list[int]) -> set[int]:
    """Those process groups (an anvil leads its own, with its guard in it) that hold a process which is no zombie."""
    running = {int(pgid) for pgid, stat in await processes("pgid", "stat") if not stat.startswith("Z")}
    return running & set(groups)


async def left(groups: list[int], within: float = 30) -> set[int]:
    """What is left of the groups once nothing more goes away, or after ``within`` seconds."""
    end = asyncio.get_running_loop().time() + within
    while (still := await alive(groups)) and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.25)
    return still


@asynccontextmanager
async def command(said: Path, *arguments: str) -> AsyncIterator[tuple[Process, list[int]]]:
    """The command once its bridge is up, and the process groups of its anvils; ``said`` takes what it says."""
    with said.open("wb") as stderr:
        process = fork(devnet_command(["--port", "0", *arguments]), stdout=asyncio.subprocess.DEVNULL, stderr=stderr)
    try:
        await until(lambda: b"The bridge is up" in said.read_bytes() or process.poll() is not None, why=said.read_text)
        assert process.poll() is None, said.read_text()
        yield process, await children(process.pid)
    finally:
        process.kill()


async def ended(process: Process) -> int:
    """Its exit code, once it has one."""
    return await asyncio.to_thread(process.wait, BOUND)


async def children(pid: int) -> list[int]:
    return [int(child) for child, parent in await processes("pid", "ppid") if int(parent) == pid]


async def test_nothing_is_left_after_the_end() -> None:
    runs = toolchain.CACHE / "run"
    before = set(runs.glob("*"))
    async with made_bridge(block_time=None) as devnet:
        groups = [chain.process.pid for chain in devnet.chains]
        assert await alive(groups) == set(groups)
        (run,) = {path for path in runs.glob(f"{os.getpid()}-*") if path not in before}
    assert not await alive(groups)
    assert not run.exists()


async def test_nothing_is_left_after_an_exception() -> None:
    groups: list[int] = []

    async def fail() -> None:
        async with made_bridge(block_time=None) as devnet:
            groups.extend(chain.process.pid for chain in devnet.chains)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert groups
    assert not await alive(groups)


async def test_nothing_is_left_after_a_cancellation() -> None:
    groups: list[int] = []
    stands = asyncio.Event()

    async def run() -> None:
        async with made_bridge(block_time=None) as devnet:
            groups.extend(chain.process.pid for chain in devnet.chains)
            stands.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(run())
    await stands.wait()
    running.cancel()
    await asyncio.wait([running])
    assert not await alive(groups)


async def test_a_frozen_chain_is_stopped_too() -> None:
    async with made_bridge(block_time=None) as devnet:
        groups = [chain.process.pid for chain in devnet.chains]
        devnet.chains[0].freeze()
    assert not await alive(groups)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_stops_all_and_ends_well_on(how: signal.Signals, tmp_path: Path) -> None:
    async with command(tmp_path / "said", "--traffic", "--every", "0.2") as (process, groups):
        assert len(groups) == 2
        process.send_signal(how)
        assert await ended(process) == 0
        assert not await alive(groups)


async def test_nothing_is_left_when_the_command_is_killed(tmp_path: Path) -> None:
    async with command(tmp_path / "said") as (process, groups):
        assert len(groups) == 2
        process.kill()
        await ended(process)
        assert not await left(groups)


async def test_the_command_fails_when_an_anvil_dies(tmp_path: Path) -> None:
    said = tmp_path / "said"
    async with command(said) as (process, groups):
        os.kill(groups[1], signal.SIGKILL)
        assert await ended(process) == 1
        assert "The anvil of beta ended unexpectedly" in said.read_text()
        assert not await left(groups)
