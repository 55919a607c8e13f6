"""``backfill`` with endpoints that do not answer: it says so while it waits for them."""

import os
import pty
import signal
import subprocess

from tests.cli.conftest import Program
from tests.world.processes import Command, fork, process_environ

ARGUMENTS = ("backfill", "--chain", "here", "--from", "1", "--to", "9")
WORDS = b"127.0.0.1 refused the connection"


def stderr_of(monitor: Program, ours: int, its: int) -> bytes:
    """What it says on stderr until the words have come, and after Ctrl-C."""
    command = Command(ARGUMENTS, monitor.folder, process_environ(TERM="xterm"))
    process = fork(command, stdout=subprocess.DEVNULL, stderr=its)
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
    said = stderr_of(monitor, *pty.openpty())
    assert b"here is being retried: " + WORDS in said
    assert b"blocks" in said


def test_elsewhere_it_is_logged(monitor: Program) -> None:
    said = stderr_of(monitor, *os.pipe())
    assert b"backfill.interrupted" in said
    assert WORDS in said
    assert b"Traceback" not in said
