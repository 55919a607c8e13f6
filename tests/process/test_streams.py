"""What becomes of the process when nobody reads what it writes."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from connext_monitor.process.standard_streams import Outlet
from tests.alerting.providers.webhook.vendor import Receiver
from tests.process.running import CONSOLE, PATIENCE, asyncio_until, running, webhook, write_config
from tests.world.ports import free_port

_SET_PIPE_SIZE = 1031
"""F_SETPIPE_SZ of Linux."""


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that takes nothing more until somebody reads it."""
    readable, writable = os.pipe()
    fcntl.fcntl(writable, _SET_PIPE_SIZE, 4096)
    os.set_blocking(writable, False)
    try:
        while True:
            os.write(writable, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writable, True)
    yield readable, writable
    for descriptor in (readable, writable):
        with suppress(OSError):
            os.close(descriptor)


def read_all(readable: int) -> bytes:
    """All that is in the pipe now, and what comes until its writer leaves."""
    return b"".join(iter(lambda: os.read(readable, 65536), b""))


async def test_an_unread_stderr_holds_up_nothing(tmp_path: Path) -> None:
    port = free_port()
    async with Receiver() as receiver:
        write_config(tmp_path, port, webhook(receiver.url))
        with full_pipe() as (_, stderr), running(tmp_path, port, stderr=stderr) as monitor:
            await monitor.healthy()
            await asyncio_until(lambda: receiver.taken)
            assert (await monitor.get("/metrics"))[0] == 200
            monitor.send(signal.SIGTERM)
            assert await monitor.ended() == 0


async def test_what_was_said_before_a_normal_end_is_all_there(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    said = tmp_path / "stderr"
    with running(tmp_path, port, stderr=said) as monitor:
        await monitor.healthy()
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0
    assert said.read_text().count("monitor.stopping") == 1


def test_lines_keep_their_order_and_dropped_ones_are_counted() -> None:
    with full_pipe() as (readable, writable):
        outlet = Outlet(writable, most_waiting=100)
        for number in range(30):
            outlet.put(b"line %d\n" % number)
        assert not outlet.flush(0.01)
        os.read(readable, 4096)
        assert outlet.flush(PATIENCE)
        outlet.put(b"last\n")
        assert outlet.flush(PATIENCE)
        os.close(writable)
        lines = read_all(readable).lstrip(b"x").decode().splitlines()
    kept = 30 - outlet.dropped
    assert 0 < kept < 30
    notice = f"connext-monitor: {outlet.dropped} log lines were dropped because stderr was not read"
    assert lines == [*(f"line {number}" for number in range(kept)), notice, "last"]


@pytest.mark.parametrize("kind", ["reader gone", "full disk", "closed"])
async def test_a_stdout_that_takes_nothing_makes_only_that_channel_fail(tmp_path: Path, kind: str) -> None:
    port = free_port()
    readable, stdout = os.pipe()
    os.close(readable)
    if kind == "full disk":
        os.close(stdout)
        stdout = os.open("/dev/full", os.O_WRONLY)
    closed = [1] if kind == "closed" else []
    said = tmp_path / "stderr"
    async with Receiver() as receiver:
        write_config(tmp_path, port, CONSOLE, webhook(receiver.url))
        with running(tmp_path, port, stdout=stdout, stderr=said, closed=closed) as monitor:
            await monitor.healthy()
            await asyncio_until(lambda: receiver.taken and "stdout cannot be written to" in said.read_text())
            assert (await monitor.get("/healthz"))[0] == 200
            monitor.send(signal.SIGTERM)
            assert await monitor.ended() == 0
    os.close(stdout)
    assert "Traceback" not in said.read_text()
    assert "Exception ignored" not in said.read_text()


async def test_without_standard_streams_no_file_gets_their_numbers(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port, CONSOLE)
    with running(tmp_path, port, closed=[0, 1, 2], cold=True) as monitor:
        await monitor.healthy()
        files = [Path(f"/proc/{monitor.process.pid}/fd/{number}").readlink() for number in range(3)]
        assert files == [Path("/dev/null")] * 3
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0


COMMANDS = [
    ["--help"],
    ["--version"],
    ["check-config"],
    ["check-config", "--json"],
    ["test-alert"],
    ["status"],
    ["transfers", "--json"],
    ["alerts"],
    ["alerts", "silences"],
    ["stats"],
    ["replay", "--since", "P1D", "--execute-deadline", "PT1M"],
    ["export", "transfers", "--format", "csv"],
    ["backup"],
    ["completions", "bash"],
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, and a database that a monitor has made."""
    folder = tmp_path_factory.mktemp("filled")
    write_config(folder, 0, CONSOLE)
    (folder / "config.toml").write_text((folder / "config.toml").read_text().replace("127.0.0.1:0", ""))
    with running(folder, 0, stderr=folder / "stderr") as monitor:
        while b"monitor.started" not in (folder / "stderr").read_bytes():
            assert monitor.process.poll() is None
            time.sleep(0.05)
        monitor.send(signal.SIGTERM)
        assert monitor.process.wait(PATIENCE) == 0
    return folder


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_behind_stdout_is_told_in_words(filled: Path, tmp_path: Path, arguments: list[str]) -> None:
    said = tmp_path / "stderr"
    with running(filled, 0, *arguments, stdout=Path("/dev/full"), stderr=said) as it:
        assert it.process.wait(PATIENCE) == 1
    assert "(no space left on device)" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert "Exception ignored" not in said.read_text()


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["transfers", "--json"]], ids=" ".join)
def test_a_closed_stdout_is_told_in_words(filled: Path, tmp_path: Path, arguments: list[str]) -> None:
    said = tmp_path / "stderr"
    with running(filled, 0, *arguments, stderr=said, closed=[1]) as it:
        assert it.process.wait(PATIENCE) == 1
    assert said.read_text() == "connext-monitor: cannot write to stdout (bad file descriptor)\n"


@pytest.mark.parametrize("arguments", [["--help"], ["check-config"], ["completions", "bash"]], ids=" ".join)
def test_a_reader_who_has_left_is_no_matter_for_words(filled: Path, tmp_path: Path, arguments: list[str]) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    said = tmp_path / "stderr"
    with running(filled, 0, *arguments, stdout=writable, stderr=said) as it:
        os.close(writable)
        assert it.process.wait(PATIENCE) == 1
    assert said.read_text() == ""


@pytest.mark.parametrize("kind", ["full disk", "closed"])
def test_without_a_stderr_data_is_printed_all_the_same(filled: Path, tmp_path: Path, kind: str) -> None:
    closed = [2] if kind == "closed" else []
    printed = tmp_path / "out"
    with running(filled, 0, "test-alert", stdout=printed, stderr=Path("/dev/full"), closed=closed) as it:
        assert it.process.wait(PATIENCE) == 0
    assert "accepted" in printed.read_text()


def test_the_traceback_of_a_program_that_cannot_be_loaded_is_all_there(tmp_path: Path) -> None:
    before = "import sys; sys.modules['connext_monitor.cli.commands.alerts'] = None"
    said = tmp_path / "stderr"
    with running(tmp_path, 0, "status", before=before, stderr=said, cold=True) as it:
        assert it.process.wait(PATIENCE) == 1
    assert "ModuleNotFoundError" in said.read_text().splitlines()[-1]


FLOOD = """
import sys
from connext_monitor.cli import entry
def flood(**_):
    sys.stderr.write("said\\n")
    for _ in range(1000):
        sys.stdout.write("x" * 9000)
entry.program = flood
"""


def test_an_export_is_not_slowed_down_by_a_stderr_that_nobody_reads(tmp_path: Path) -> None:
    # Its first word on stderr is a reason to wait; a thousand writes to stdout may not wait a thousand times.
    with full_pipe() as (_, stderr), running(tmp_path, 0, before=FLOOD, stdout=tmp_path / "out", stderr=stderr) as it:
        assert it.process.wait(PATIENCE) == 0
    assert (tmp_path / "out").stat().st_size == 9_000_000
