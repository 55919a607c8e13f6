"""The tests themselves: they run where signals are ignored, and whatever hangs in them, they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HANGS = """
import subprocess, time

def test_that_waits_for_what_does_not_end():
    with subprocess.Popen(["sleep", "60"]):
        time.sleep(60)
"""
SHOWS_SIGNALS = """
import signal, subprocess, sys

def test_signals_of_a_process():
    look = "import signal; print(signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert "default_int_handler" in told and told.rstrip().endswith("set()"), told
"""


def run_pytest(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The project's own pytest, its conftest included, started with all that can be ignored and blocked so."""

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))

    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.conftest", "-q"]
    return subprocess.run(
        [*command, "--confcutdir", str(file.parent), "-c", str(ROOT / "pyproject.toml"), *options, str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=ignore,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_processes_of_tests_have_default_signals_where_the_run_has_none(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SHOWS_SIGNALS)
    ended = run_pytest(tmp_path / "test_it.py")
    assert ended.returncode == 0, ended.stdout


def test_a_test_that_outlives_its_own_limit_ends_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(HANGS)
    ended = run_pytest(tmp_path / "test_it.py", "-o", "timeout=1", "-o", "faulthandler_timeout=3")
    assert ended.returncode == 1
    assert "Timeout (0:00:03)!" in ended.stderr
    assert "test_that_waits_for_what_does_not_end" in ended.stderr
