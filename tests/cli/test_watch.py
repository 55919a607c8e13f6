"""``status --watch`` on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cli.conftest import OtherLoop, Program
from tests.cli.served import CHAINS, Running, all_is_well
from tests.world.processes import process_environ

_PATIENCE = 180.0
_ROWS = 12
"""Too few for all: what is shown of it must hold the verdict."""
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """A terminal of 80 columns and few rows, and the program that draws on it."""

    ours: int
    process: subprocess.Popen[bytes]
    shown: str = ""

    def wait_for(self, *words: str) -> str:
        """What has been drawn since the last wait, up to the last of these words; lines may break them."""
        until = time.monotonic() + _PATIENCE
        fresh = ""
        while not all(_drawn(each, fresh) for each in words):
            assert time.monotonic() < until, fresh
            ready, _, _ = select.select([self.ours], [], [], 1)
            if ready:
                fresh += os.read(self.ours, 65536).decode(errors="replace")
        self.shown += fresh
        return fresh

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        self.wait_for("\x1b[?1049l")
        return self.process.wait(_PATIENCE)


def _drawn(words: str, fresh: str) -> bool:
    return words in fresh or "".join(words.split()) in "".join(_ESCAPE.sub("", fresh).split())


@contextmanager
def watching(monitor: Program, **environ: str) -> Iterator[Terminal]:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, 80, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "connext_monitor", "status", "--watch"],
        cwd=monitor.folder,
        env=process_environ(TERM="xterm", **environ),
        stdin=its,
        stdout=its,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(its)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
    os.close(ours)


def test_a_watch_survives_the_monitor_and_ends_on_ctrl_c(monitor: Program, elsewhere: OtherLoop) -> None:
    monitor.fill(all_is_well)
    running = Running(monitor, elsewhere)
    monitor.write_config(*CHAINS, listen=str(running.address))
    with watching(monitor) as terminal:
        first = terminal.wait_for("All is well.", "node.example")
        running.stop()
        terminal.wait_for("no running monitor answers")
        assert terminal.interrupt() == 0
        assert terminal.process.stderr is not None
        assert terminal.process.stderr.read() == b""
    assert "\x1b[?1049h" in first
    assert "\x1b[1;31m" in terminal.shown


def test_a_watch_begins_before_there_is_a_database_and_honours_no_color(monitor: Program) -> None:
    with watching(monitor, NO_COLOR="1") as terminal:
        terminal.wait_for("does not exist yet")
        monitor.fill(all_is_well)
        terminal.wait_for("All is well.")
        assert terminal.interrupt() == 0
    assert "\x1b[3" not in terminal.shown
    assert "\x1b[1;3" not in terminal.shown


@pytest.mark.parametrize(
    ("options", "words"), [((), "needs a terminal"), (("--json",), "cannot be combined with --json")]
)
def test_a_watch_is_refused_where_nobody_could_look(monitor: Program, options: tuple[str, ...], words: str) -> None:
    result = monitor.run("status", "--watch", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
