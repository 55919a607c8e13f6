import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.world.workers import run_in_workers

def pytest_runtestloop(session):
    run_in_workers(session, 2, [[0, 1, 2, 3, 4], [5], [6]])
    return True
"""
TESTS = """
import os, signal, sys
from pathlib import Path
import pytest

@pytest.fixture(scope="session")
def shared():
    yield
    Path(f"torn-down.{os.getpid()}").touch()

def test_passes(shared, tmp_path): print("said by the first")
def test_fails(shared): print("before".upper()); assert "this" == "that"
def test_is_killed(shared): os.kill(os.getpid(), signal.SIGKILL)
def test_leaves(shared): os._exit(0)
def test_comes_after(shared): pass
def test_in_another_group(shared): pass
@pytest.mark.skip(reason="why not")
def test_skipped(): pass
"""


def test_each_test_is_reported_once_whatever_ends_its_process(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_sample.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]")
    plain = ["-p", "no:cacheprovider", "--assert=plain"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "--tb=short", *plain, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "3 failed, 3 passed, 1 skipped" in done.stdout
    assert done.returncode == 1
    assert done.stdout.count("BEFORE") == 1  # beside the failure, and nowhere else
    assert "The process that ran this test ended by signal 9 (SIGKILL)" in done.stdout
    assert "The process that ran this test ended with exit code 0" in done.stdout
    assert "FAILED test_sample.py::test_leaves" in done.stdout
    assert "PASSED test_sample.py::test_comes_after" in done.stdout
    assert 1 <= len(list(tmp_path.glob("torn-down.*"))) <= 2  # once for each worker that came to its end
