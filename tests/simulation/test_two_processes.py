"""A story is played the same to the byte, whatever process plays it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.simulation.drawing import draw
from tests.simulation.harness import play
from tests.simulation.story import Kill, to_json
from tests.simulation.troubles import KillManner

PLAYED = (
    "import sys; from tests.simulation.harness import play; from tests.simulation.story import from_json; "
    "print(play(from_json(open(sys.argv[1]).read())).digest)"
)
KILLS = tuple(
    Kill(instance=0, at=900.0 * number, down_for=20.0, manner=manner, count=7)
    for number, manner in enumerate((KillManner.STEP, KillManner.STATEMENT, KillManner.STOP), 1)
)


def test_two_processes_play_a_story_to_the_byte_alike(tmp_path: Path) -> None:
    story = replace(draw(3, 0.05), kills=KILLS)
    file = tmp_path / "story.json"
    file.write_bytes(to_json(story))
    elsewhere = subprocess.run(
        [sys.executable, "-c", PLAYED, str(file)],
        env=os.environ | {"PYTHONHASHSEED": "0", "UNUSED": "x" * 5000},
        capture_output=True,
        check=True,
        text=True,
    )
    assert elsewhere.stdout.strip() == play(story).digest
