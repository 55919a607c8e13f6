"""Plays stories with the monitor that is imported here, sound or a mutant, until something new is found wrong.

A line of JSON for each story: what `Played` says of it.
"""

import argparse
from time import process_time

import click
import msgspec

import connext_monitor
from tests.simulation.runner import played, story_of

FAULT = "fault"
"""What is wrong where the monitor itself failed, with an error that nobody took."""


class Found(msgspec.Struct, frozen=True):
    """One thing that is wrong: in which way, by which rule, when in its story (seconds), and in words."""

    wrong: str
    rule: str
    at: float
    words: str

    @property
    def kind(self) -> tuple[str, str]:
        """What findings of a sound monitor are told apart by."""
        return self.wrong, self.rule


class Played(msgspec.Struct, frozen=True):
    """One story: its seed and days, the first finding of each kind, and the processor's seconds that it took."""

    seed: int
    days: float
    found: list[Found]
    seconds: float


def play_story(seed: int, days: float) -> Played:
    """Play the story of a seed and have it judged."""
    began = process_time()
    run, verdict = played(story_of(seed, days))
    found: dict[tuple[str, str], Found] = {}
    for finding in verdict.findings:
        words = f"{finding.words} ({finding.subject})"
        found.setdefault((finding.wrong, finding.rule), Found(finding.wrong, finding.rule, finding.at, words))
    for fault in run.faults[:1]:
        at, words = fault.split(" ", 1)
        found[FAULT, FAULT] = Found(FAULT, FAULT, float(at), words)
    return Played(seed, days, sorted(found.values(), key=lambda each: each.at), process_time() - began)


def main() -> None:
    """Play the stories that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=float, required=True)
    parser.add_argument("--from", type=int, required=True, dest="first")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--known", type=str, default="[]", help="kinds of findings that count for nothing, as JSON")
    parser.add_argument("--package", type=str, required=True, help="where the monitor must have been imported from")
    options = parser.parse_args()
    if not (connext_monitor.__file__ or "").startswith(options.package):
        raise SystemExit(f"the monitor was imported from {connext_monitor.__file__}")
    known = {tuple(kind) for kind in msgspec.json.decode(options.known, type=list[tuple[str, str]])}
    for seed in range(options.first, options.first + options.count):
        told = play_story(seed, options.days)
        click.echo(msgspec.json.encode(told))
        if any(found.kind not in known for found in told.found):
            return


if __name__ == "__main__":
    main()
