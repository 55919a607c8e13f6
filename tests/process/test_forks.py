"""A process forked off one that has the program loaded begins as one that has loaded nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process.running import PATIENCE
from tests.world.processes import ROOT, Command, fork, process_environ, run, start_cold
from tests.world.waiting import until

STATE = """
import gc, json, os, resource, signal, stat, sys, threading, time
def is_open(number):
    try:
        return stat.S_IFMT(os.fstat(number).st_mode)
    except OSError:
        return None
state = {
    "arguments": sys.argv[1:],
    "environ": dict(os.environ),
    "folder": os.getcwd(),
    "files": [is_open(number) for number in range(50)],
    "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
    "signals": [getattr(handler, "__name__", handler) for handler in map(signal.getsignal, signal.valid_signals())],
    "blocked": [*signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    "wakeup": signal.set_wakeup_fd(-1),
    "streams": [(s.encoding, s.errors, s.line_buffering) for s in (sys.stdin, sys.stdout, sys.stderr)],
    "threads": threading.active_count(),
    "group": os.getpgrp(),
    "mask": os.umask(0o77),
    "zone": time.tzname,
    "collects": gc.isenabled(),
}
print(json.dumps(state), flush=True)
sys.exit(7)
"""
ENDS_BY_SIGNAL = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
AT_EXIT = "import atexit; atexit.register(print, 'the end'); raise ValueError('said on stderr')"
ENDS_LATER = """
import atexit, sys, threading
def say(): threading.Event().wait(0.2); print('of a thread')
threading.Thread(target=say).start()
atexit.register(print, 'the end')
sys.exit({code})
"""
FULL = "import sys; sys.stdout = open('/dev/full', 'w'); print('lost'); sys.exit(3)"
WAITS = "import signal, sys; print('waits', flush=True); signal.pause()"


def command(folder: Path, before: str) -> Command:
    """One that has a bit of everything."""
    environ = process_environ(TZ="Asia/Kolkata", OWN="yes")
    return Command(["status", "--json"], folder, environ, before, ignored=[signal.SIGHUP], files=64)


def test_a_fork_begins_as_a_cold_process_does(tmp_path: Path) -> None:
    states: list[Any] = []
    for start in (fork, start_cold):
        with (tmp_path / "out").open("w+b") as out:
            assert start(command(tmp_path, STATE), stdout=out, stderr=subprocess.DEVNULL).wait(PATIENCE) == 7
            out.seek(0)
            states.append(json.load(out))
    forked, cold = states
    assert forked == cold


def test_a_fork_ends_as_any_program(tmp_path: Path) -> None:
    code, printed, said = run(command(tmp_path, AT_EXIT))
    assert (code, printed) == (1, "the end\n")
    assert said.endswith("ValueError: said on stderr\n")
    assert run(command(tmp_path, ENDS_BY_SIGNAL)).code == -signal.SIGKILL


@pytest.mark.parametrize(("code", "ended"), [("None", (0, "")), ("258", (2, "")), ("'words'", (1, "words\n"))])
def test_a_fork_that_exits_says_all_that_is_left_to_say(tmp_path: Path, code: str, ended: tuple[int, str]) -> None:
    came = run(command(tmp_path, ENDS_LATER.format(code=code)))
    assert (came.code, came.said) == ended
    assert came.printed == "of a thread\nthe end\n"


def test_a_fork_whose_last_words_are_not_taken_fails(tmp_path: Path) -> None:
    ended = run(command(tmp_path, FULL))
    assert ended.code == 120
    assert "No space left on device" in ended.said


async def test_forks_end_with_whoever_started_them(tmp_path: Path) -> None:
    started = f"""if True:
        import os, subprocess, sys
        from pathlib import Path
        from tests.world.processes import Command, fork
        waits = Command([], Path({str(tmp_path)!r}), os.environ, {WAITS!r})
        with open({str(tmp_path / "out")!r}, "wb") as out:
            print(fork(waits, stdout=out, stderr=subprocess.DEVNULL).pid)
        os._exit(0)
        """
    ended = subprocess.run([sys.executable, "-c", started], cwd=ROOT, capture_output=True, check=True, text=True)
    pid = int(ended.stdout)

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    await until(gone)
