"""Has a benchmark's processes forked off its own, which has the program loaded: to start each anew takes a second.

What it measures is then not what users get; that it starts, asks, measures and prints is as ever.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from connext_monitor.cli import main as program

_PROGRAM = [sys.executable, "-m", "connext_monitor"]


class _Forked(subprocess.Popen[bytes]):
    """A process of the program that was forked; any other one is started as ever."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str] | None = None, **streams: Any) -> None:
        if [*command[:3]] == _PROGRAM:
            sys.stdout.flush()  # else the fork would write it too
            streams["preexec_fn"] = partial(_run, command[3:], env or os.environ.copy())
        super().__init__(command, env=env, **streams)


def _run(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the program in a process that is all but another one, and end it."""
    os.closerange(3, 256)  # also what tells whoever waits for it that it runs
    signal.set_wakeup_fd(-1)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["connext-monitor", *arguments]
    code: object = 1
    try:
        program()
    except SystemExit as ending:
        code = ending.code
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def fork_all() -> None:
    """From now on, in this process."""
    subprocess.Popen = _Forked  # type: ignore[assignment,misc]
    by_method = multiprocessing.get_context
    multiprocessing.get_context = lambda _method=None: by_method("fork")  # type: ignore[assignment]
