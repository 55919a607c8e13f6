"""Everything that the devnet starts is stopped with it, however it ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scripts.devnet import toolchain
from tests.world.made_bridge import made_bridge


async def processes(*columns: str) -> list[list[str]]:
    """One row per process of this machine, with those columns of ps."""
    ps = await asyncio.create_subprocess_exec(
        *("ps", "-A", "-o", ",".join(f"{column}=" for column in columns)), stdout=asyncio.subprocess.PIPE
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
async def command(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[int]]]:
    """The command once its bridge is up, and the process groups of its anvils."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.devnet", "--port", "0", *arguments),
        cwd=toolchain.CACHE.parents[1],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"The bridge is up" not in (line := await process.stderr.readline()):
                assert line, "the command ended early"
        yield process, await children(process.pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


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
async def test_the_command_stops_all_and_ends_well_on(how: signal.Signals) -> None:
    async with command("--traffic", "--every", "0.2") as (process, groups):
        assert len(groups) == 2
        process.send_signal(how)
        await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert not await alive(groups)


async def test_nothing_is_left_when_the_command_is_killed() -> None:
    async with command() as (process, groups):
        assert len(groups) == 2
        process.kill()
        await process.wait()
        assert not await left(groups)


async def test_the_command_fails_when_an_anvil_dies() -> None:
    async with command() as (process, groups):
        os.kill(groups[1], signal.SIGKILL)
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 1
        assert b"The anvil of beta ended unexpectedly" in err
        assert not await left(groups)
