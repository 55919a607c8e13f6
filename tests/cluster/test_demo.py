"""The demo of two instances, as it is typed."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world.postgres import programs
from tests.world.processes import ROOT

pytestmark = pytest.mark.server

PATIENCE = 300.0
"""Seconds for all of it, on a machine that does much else; it takes 20 by itself."""
_DEMO = ("scripts.devnet.demo", "--cluster", "--kill-after", "1", "--takeover-after", "2")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where it keeps what it needs; its name is short, as that of a socket has to be."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        Path(folder).chmod(0o755)  # a server is another user's where this is root's
        yield Path(folder)


def running_in(folder: Path) -> list[str]:
    """The processes whose command or environment names the folder, this one left out."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in said:
            lines.append(said.replace(b"\0", b" ").decode(errors="replace")[:200])
    return lines


async def until_compared(output: asyncio.StreamReader) -> list[str]:
    """What it says until it has compared what is stored with the chains; all of it where it ends before."""
    said = []
    async for line in output:
        said.append(line.decode())
        if "Nothing was missed" in said[-1]:
            break
    return said


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL: scripts/postgres installs it")
async def test_the_demo_shows_a_takeover_and_leaves_nothing_behind(scratch: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *_DEMO),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            said = await until_compared(process.stdout)
            process.send_signal(signal.SIGINT)
            await process.stdout.read()
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    acts = [line for line in said if line.startswith("cluster")]
    assert all(words in str(acts) for words in ("stands by", "was killed", "s after the kill", "Nothing was missed")), (
        acts
    )
    assert (code, list(scratch.iterdir()), running_in(scratch)) == (0, [], []), "".join(said)
