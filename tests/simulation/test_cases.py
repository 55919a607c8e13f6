"""Stories that once showed something wrong, as small as they got: each is sound now.

Their names say what they showed. ``scripts/simulate --story`` plays one alone, and keeps its log where it is not sound.
"""

from pathlib import Path

import pytest

from tests.simulation.runner import played
from tests.simulation.story import from_json

CASES = sorted(Path(__file__).with_name("cases").glob("*.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_story_that_was_told_wrong_is_told_right(case: Path) -> None:
    run, verdict = played(from_json(case.read_bytes()))
    assert (run.faults, verdict.findings) == ((), ())
