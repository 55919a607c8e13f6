"""Plays stories with the monitor that is imported here, sound or a mutant."""

from collections.abc import Sequence
from pathlib import Path
from time import process_time

import msgspec

from tests.simulation.loop import NeverRests
from tests.simulation.runner import played
from tests.simulation.story import Story, from_json

FAULT = "fault"
"""What is wrong where the monitor itself failed, with an error that nobody took."""


class PlayedFinding(msgspec.Struct, frozen=True):
    """One thing that is wrong: in which way, by which rule, when in its story (seconds), and in words."""

    wrong: str
    rule: str
    at: float
    words: str


class Played(msgspec.Struct, frozen=True):
    """What was found wrong first in a story, and the processor's seconds that it took."""

    finding: PlayedFinding | None
    seconds: float


def play_story(story: Story) -> Played:
    """Play a story and have it judged."""
    began = process_time()
    try:
        run, verdict = played(story)
    except NeverRests as error:
        return Played(PlayedFinding(FAULT, FAULT, story.seconds, str(error)), process_time() - began)
    findings = [
        PlayedFinding(finding.wrong, finding.rule, finding.at, f"{finding.words} ({finding.subject})")
        for finding in verdict.findings[:1]
    ]
    for fault in run.faults[:1]:
        at, words = fault.split(" ", 1)
        findings.append(PlayedFinding(FAULT, FAULT, float(at), words))
    first = min(findings, key=lambda each: each.at, default=None)
    return Played(first, process_time() - began)


def play_stories(files: Sequence[str]) -> list[Played]:
    """Play the stories in these files, where they are as JSON."""
    return [play_story(from_json(Path(file).read_bytes())) for file in files]
