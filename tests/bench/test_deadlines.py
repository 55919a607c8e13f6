"""The benchmark of deadlines runs, and measures what it says."""

from pathlib import Path

from scripts.bench.deadlines import fill, measure_armed


async def test_all_near_deadlines_are_armed_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "bench.db"
    await fill(file, 300, 40)
    measured = await measure_armed(file, 40)
    assert 0 < measured.opened < measured.armed
    assert measured.peak > 0
