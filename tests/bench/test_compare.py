"""The table of a comparison says what the runs were."""

import sys
from pathlib import Path

import pytest

from scripts.bench.compare.disk import DiskProbe
from scripts.bench.compare.figures import HISTORY_ROWS, LIVE_ROWS, Figures, percentile_ms, table
from scripts.bench.compare.trees import CannotCompareError, python_for, tree_of


def run(seconds: float, cpu: float, loop: float | None = None) -> Figures:
    """A run of a thousand logs."""
    return Figures(1000, seconds, cpu, loop, None, 100.0, delays=[0.004, 0.002], syncs=[0.001])


def cells(lines: list[str], name: str) -> list[str]:
    """The words of a line behind its name."""
    return next(line for line in lines if line.startswith(name)).removeprefix(name).split()


def test_a_ratio_is_the_median_of_those_of_the_rounds() -> None:
    ours = [run(1.0, 0.1), run(2.0, 0.1), run(4.0, 0.1)]
    theirs = [run(3.0, 0.2), run(8.0, 0.2), run(4.0, 0.2)]
    lines = table("history", HISTORY_ROWS, {"ours": ours, "theirs": theirs})
    assert cells(lines, "logs/s") == ["500", "(250-1,000)", "250", "(125-333)", "3.00"]
    assert cells(lines, "CPU µs a log") == ["100.0", "(100.0-100.0)", "200.0", "(200.0-200.0)", "0.50"]


def test_what_one_program_does_not_say_is_left_open() -> None:
    lines = table("history", HISTORY_ROWS, {"ours": [run(1.0, 0.1, loop=0.05)], "theirs": [run(2.0, 0.2)]})
    assert cells(lines, "  of it the event loop") == ["50.0", "-"]
    assert not [line for line in lines if "writer" in line]


def test_the_disk_is_shown_and_not_compared() -> None:
    lines = table("live", LIVE_ROWS, {"ours": [run(1.0, 0.1)], "theirs": [run(1.0, 0.1)]})
    assert cells(lines, "push to commit p99 ms") == ["4.0", "4.0", "1.00"]
    assert cells(lines, "the disk's fsync p99 ms") == ["1.00", "1.00"]


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentile_ms(0.5, [0.003, 0.001, 0.002]) == 2
    assert percentile_ms(0.99, [0.003, 0.001, 0.002]) == 3
    assert percentile_ms(0.5, []) is None


def test_a_probe_syncs_its_file_and_leaves_nothing(tmp_path: Path) -> None:
    with DiskProbe(tmp_path) as disk:
        pass
    assert disk.seconds
    assert not list(tmp_path.iterdir())


def test_a_commit_that_is_not_there_is_refused() -> None:
    with pytest.raises(CannotCompareError, match="git rev-parse"):
        tree_of("no-such-commit")


ANOTHER_PYTHON = "echo '/elsewhere 3.11.99 (compiled otherwise)'"
THIS_PYTHON = f'exec "{sys.executable}" "$@"'


@pytest.fixture
def old_tree(tmp_path: Path) -> Path:
    """A tree that pins what nobody has, and whose environment was made of another Python."""
    (tmp_path / "constraints.txt").write_text("no-such-package==1\n")
    (tmp_path / "scripts").mkdir()
    script(tmp_path / ".venv" / "bin" / "python", ANOTHER_PYTHON)
    return tmp_path


def script(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def setup_makes(tree: Path, python: str) -> None:
    """Its setup makes an environment of that where there is none, and believes the one that is there."""
    environment = f"mkdir -p .venv/bin && cat >.venv/bin/python <<'END'\n#!/bin/sh\n{python}\nEND"
    script(tree / "scripts" / "setup", f"[ -e .venv ] && exit\n{environment}\nchmod +x .venv/bin/python")


def test_an_environment_of_another_python_is_made_anew(old_tree: Path) -> None:
    setup_makes(old_tree, THIS_PYTHON)
    python = python_for(old_tree)
    assert python == old_tree / ".venv" / "bin" / "python"
    assert THIS_PYTHON in python.read_text()


def test_trees_on_two_pythons_are_not_compared(old_tree: Path) -> None:
    setup_makes(old_tree, ANOTHER_PYTHON)
    with pytest.raises(CannotCompareError, match="compiled otherwise"):
        python_for(old_tree)
