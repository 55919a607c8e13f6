"""``backfill`` with endpoints that do not answer: it says so while it waits for them."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable

from tests.cli.conftest import Program
from tests.world.processes import Command, Process, Stream, fork, process_environ

ARGUMENTS = ("backfill", "--chain", "here", "--from", "1", "--to", "9")
WORDS = b"127.0.0.1 refused the connection"


def stderr_of(monitor: Program, start: Callable[..., Process], ours: int, its: int) -> bytes:
    """What it says on stderr until the words have come, and after Ctrl-C."""
    command = Command(ARGUMENTS, monitor.folder, process_environ(TERM="xterm"))
    process = start(command, stdout=subprocess.DEVNULL, stderr=its)
    os.close(its)
    try:
        said = b""
        while WORDS not in said and (more := _read(ours)):
            said += more
        process.send_signal(signal.SIGINT)
        while more := _read(ours):
            said += more
        process.wait(60)
    finally:
        process.kill()
        os.close(ours)
    return said


def _read(stream: int) -> bytes:
    try:
        return os.read(stream, 65536)
    except OSError:  # what Linux says when the last writer of a terminal is gone
        return b""


def test_on_a_terminal_it_is_said_above_the_bar(monitor: Program) -> None:
    said = stderr_of(monitor, fork, *pty.openpty())
    assert b"here is being retried: " + WORDS in said
    assert b"blocks" in said


def begin(command: Command, stdout: Stream, stderr: Stream) -> Process:
    """From its very beginning, with the signals that this process has: `tests/test_signals.py` has this test tried."""
    program = [sys.executable, "-m", "connext_monitor", *command.arguments]
    return subprocess.Popen(program, cwd=command.folder, env=command.environ, stdout=stdout, stderr=stderr)


def test_elsewhere_it_is_logged(monitor: Program) -> None:
    said = stderr_of(monitor, begin, *os.pipe())
    assert b"backfill.interrupted" in said
    assert WORDS in said
    assert b"Traceback" not in said
