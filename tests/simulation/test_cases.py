"""Stories that once showed something wrong, as small as they got: each is sound now.

Their names say what they showed. ``scripts/simulate --story`` plays one alone, and keeps its log where it is not sound.
"""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.garbage import ignoring_unraisable
from tests.simulation.runner import played
from tests.simulation.story import from_json

CASES = sorted(Path(__file__).with_name("cases").glob("*.json"))


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What is left of a simulated process is collected here, not in the midst of another test."""
    yield
    with ignoring_unraisable():
        gc.collect()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_story_that_was_told_wrong_is_told_right(case: Path) -> None:
    run, verdict = played(from_json(case.read_bytes()))
    assert (run.faults, verdict.findings) == ((), ())
