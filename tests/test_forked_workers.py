"""Tests that run in forked processes: each once, and nothing that fails in one is lost."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import pytest
from tests.forked_workers import run_forked

def pytest_runtestloop(session):
    files = {}
    for index, item in enumerate(session.items):
        files.setdefault(item.path, []).append(index)
    first, *others = files.values()
    run_forked(session, ([first], 1), (others, 1))
    return True

@pytest.fixture(scope="session")
def shared():
    yield
    raise RuntimeError("not ended as it should")
"""
FILES = {
    "test_dying.py": """
import os

def test_before(): pass
def test_exits(): os._exit(3)
def test_killed(): os.kill(os.getpid(), 9)
def test_after(tmp_path): tmp_path.joinpath("file").touch()
""",
    "test_failing.py": """
import pytest

def test_fails():
    print("what was printed")
    assert 1 == 2

def test_skipped(): pytest.skip("for a reason")
""",
    "test_sharing.py": """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_shares(shared, number): pass
""",
}
DYING, FAILING, SHARING = FILES


def run(folder: Path, *arguments: str) -> str:
    """What pytest prints of these files, in the order of their names."""
    for name, source in {**FILES, "conftest.py": CONFTEST, "pytest.ini": "[pytest]"}.items():
        (folder / name).write_text(source)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent), "COLUMNS": "200"}
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:asyncio", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
    ).stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("tests"))


def outcomes(printed: str) -> dict[str, str]:
    """By the test: what its lines of the summary say of it."""
    lines = re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", printed, re.MULTILINE)
    assert len(lines) == len({test for _, test in lines}) + 1, printed  # one passes, and fails to end what is shared
    return {test: outcome for outcome, test in lines}


def test_each_test_is_run_and_told_of_once(printed: str) -> None:
    assert outcomes(printed) == {
        f"{DYING}::test_before": "PASSED",
        f"{DYING}::test_exits": "FAILED",
        f"{DYING}::test_killed": "FAILED",
        f"{DYING}::test_after": "PASSED",
        f"{FAILING}::test_fails": "FAILED",
        f"{SHARING}::test_shares[0]": "PASSED",
        f"{SHARING}::test_shares[1]": "PASSED",
        f"{SHARING}::test_shares[2]": "ERROR",
    }
    assert printed.splitlines()[-1].startswith("3 failed, 5 passed, 1 skipped, 1 error in ")


def test_a_failure_says_what_it_would_in_one_process(printed: str) -> None:
    for words in ("E       assert 1 == 2", "what was printed", "for a reason", "not ended as it should"):
        assert words in printed


def test_a_process_that_dies_fails_the_test_that_it_ran(printed: str) -> None:
    for code in (3, -9):
        assert f"the process of this test ended with {code}," in printed


def test_with_x_nothing_more_is_run(tmp_path: Path) -> None:
    printed = run(tmp_path, "-x", DYING, FAILING)
    assert "stopping after 1 failures" in printed
    assert f"{DYING}::test_killed" not in printed
