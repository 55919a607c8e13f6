"""Hunts mutants: each is played in the story that is aimed at it, and must be found out there.

Each in a process of its own, as many at once as there are processors: forks of one that has the libraries loaded. What
the monitor without a mistake does in these stories, one after the other, must be found sound: else a finding would say
nothing.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from tests.simulation.mutants.aimed.aim import Aim
from tests.simulation.mutants.aimed.table import AIMS, aim_at
from tests.simulation.mutants.forking import Came, Play
from tests.simulation.mutants.mutant import Mutant, named
from tests.simulation.mutants.playing import PlayedFinding
from tests.simulation.mutants.table import MUTANTS
from tests.simulation.story import to_json

ROOT = Path(__file__).parents[3]
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant: what it was ``killed_by``, after so many simulated days; None if it survived.

    ``mutant`` is None for the monitor without a mistake. ``seconds`` are the processor's; ``error`` is what it died of
    where it could not be played.
    """

    aim: Aim
    mutant: Mutant | None
    killed_by: PlayedFinding | None
    seconds: float
    error: str | None = None

    @property
    def is_right(self) -> bool:
        """Whether a mutant was found out, or the monitor without a mistake was found sound."""
        return self.error is None and (self.killed_by is None) is (self.mutant is None)

    def __str__(self) -> str:
        where = f"{self.aim.name:<24} {self.seconds:5.1f} s"
        if self.mutant is None:
            return f"    {'(no mistake)':<36} {where}  {self._what_came('sound', 'FOUND WRONG: ')}"
        came = self._what_came(f"SURVIVED {self.aim.days:.3f} days: {self.mutant.breaks}", "")
        return f"{self.mutant.promise:>2}  {self.mutant.name:<36} {where}  {came}"

    def _what_came(self, nothing: str, something: str) -> str:
        finding = self.killed_by
        if self.error is not None:
            return f"CANNOT BE PLAYED: {self.error}"
        if finding is None:
            return nothing
        return f"{something}{finding.wrong} after {finding.at / _DAY:.3f} days: {finding.rule}: {finding.words}"


def hunt(names: Sequence[str] = ()) -> Iterator[Outcome]:
    """What becomes of the mutants of these names, or of all, and of the monitor without a mistake in their stories.

    Raises ValueError for a name that no mutant has.
    """
    mutants = named(MUTANTS, names)
    aims = {mutant.name: aim_at(mutant.name) for mutant in mutants}
    played = {aim.name for aim in aims.values()}
    without = [aim for aim in AIMS if aim.name in played]
    hunted: list[tuple[Sequence[Aim], Mutant | None]] = [(without, None)]
    hunted += [([aims[mutant.name]], mutant) for mutant in mutants]
    with tempfile.TemporaryDirectory(prefix="stories-") as folder:
        files = {aim.name: Path(folder) / f"{number}.json" for number, aim in enumerate(without)}
        for aim in without:
            files[aim.name].write_bytes(to_json(aim.story))
        plays = [
            Play(None if mutant is None else mutant.name, [str(files[aim.name]) for aim in played_in])
            for played_in, mutant in hunted
        ]
        for (played_in, mutant), came in zip(hunted, _came(plays), strict=True):
            yield from _outcomes(played_in, mutant, came)


def failures(names: Sequence[str]) -> int:
    """Hunt the mutants of these names, or all, and print what becomes of each; how many outcomes are not as they must.

    Raises ValueError for a name that no mutant has.
    """
    outcomes = []
    for outcome in hunt(names):
        outcomes.append(outcome)
        click.echo(outcome)
    click.echo(summary(outcomes))
    return sum(not outcome.is_right for outcome in outcomes)


def summary(outcomes: Iterable[Outcome]) -> str:
    """How many were killed, and what that took."""
    hunted = [outcome for outcome in outcomes if outcome.mutant is not None]
    killed = sum(outcome.is_right for outcome in hunted)
    longest = max((outcome.aim.days for outcome in hunted), default=0.0)
    seconds = sum(outcome.seconds for outcome in hunted)
    return f"{killed} of {len(hunted)} killed, each within {longest:.3f} days; {seconds:.0f} s of a processor"


def _outcomes(aims: Sequence[Aim], mutant: Mutant | None, came: Came) -> list[Outcome]:
    if came.error is not None:
        return [Outcome(aim, mutant, None, 0.0, came.error) for aim in aims]
    return [Outcome(aim, mutant, each.finding, each.seconds) for aim, each in zip(aims, came.played, strict=True)]


def _came(plays: Sequence[Play]) -> Iterator[Came]:
    """What comes of each, in their order, once it has; all are played in forks of one process."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.simulation.mutants.forking"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(plays))
        process.stdin.close()
        for _ in plays:
            line = process.stdout.readline()
            yield msgspec.json.decode(line, type=Came) if line else Came(error="what plays it has ended")
