"""The table of a comparison says what the runs were."""

from pathlib import Path

import pytest

from scripts.bench.compare.disk import DiskProbe
from scripts.bench.compare.figures import HISTORY_ROWS, LIVE_ROWS, Figures, percentile_ms, table
from scripts.bench.compare.trees import CannotCompareError, tree_of


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
