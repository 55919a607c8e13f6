"""Hunts mutants: each is played, story by story, until it is found out, on all processors."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from tests.simulation.mutants.mutant import PACKAGE, Mutant, named
from tests.simulation.mutants.stories import Found, Played
from tests.simulation.mutants.table import MUTANTS

ROOT = Path(__file__).parents[3]
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Bag:
    """The stories that every mutant is played in: so many seeds from the first on, so many days each."""

    first: int
    count: int
    days: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant: what it was ``killed_by``, after so many simulated days; None if it survived.

    ``seconds`` are the processor's; ``error`` is what it died of where it could not be played.
    """

    mutant: Mutant
    killed_by: Found | None
    seed: int | None
    days: float
    seconds: float
    error: str | None = None

    @property
    def survived(self) -> bool:
        """Whether nothing was found wrong with it."""
        return self.killed_by is None and self.error is None


def sound_kinds(bag: Bag) -> list[tuple[str, str]]:
    """The kinds of findings that even the monitor without a mistake has in these stories: none, if all is well."""
    parts = [Bag(seed, 1, bag.days) for seed in range(bag.first, bag.first + bag.count)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda part: _play(ROOT, part, []), parts))
    if errors := [error for _, error in outcomes if error]:
        raise RuntimeError(f"the monitor without a mistake cannot be played: {errors[0]}")
    return sorted({found.kind for played, _ in outcomes for story in played for found in story.found})


def hunt(mutants: Sequence[Mutant], bag: Bag, known: list[tuple[str, str]]) -> Iterator[Outcome]:
    """What becomes of each, in the order of the mutants; findings of the ``known`` kinds count for nothing."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda mutant: _hunt(mutant, bag, known), mutants)


def survivors(names: Sequence[str], bag: Bag) -> int:
    """Hunt the mutants of these names, or all, and say what becomes of each; how many survive.

    Raises ValueError for a name that no mutant has.
    """
    mutants = named(MUTANTS, names)
    known = sound_kinds(bag)
    for wrong, rule in known:
        click.echo(f"even without a mistake: {wrong}, {rule}; findings of this kind kill nothing")
    alive = 0
    for outcome in hunt(mutants, bag, known):
        alive += outcome.killed_by is None
        click.echo(line(outcome))
    click.echo(f"{len(mutants) - alive} of {len(mutants)} killed within {bag.count * bag.days:g} days")
    return alive


def line(outcome: Outcome) -> str:
    """One line of the table."""
    mutant = outcome.mutant
    head = f"{mutant.promise:>2}  {mutant.name:<36}"
    if outcome.error is not None:
        return f"{head}  CANNOT BE PLAYED  {outcome.error}"
    if outcome.killed_by is None:
        return f"{head}  SURVIVED {outcome.days:.1f} days: {mutant.breaks}"
    found = outcome.killed_by
    return f"{head}  {found.wrong}, after {outcome.days:.2f} days (seed {outcome.seed}): {found.rule}: {found.words}"


def _hunt(mutant: Mutant, bag: Bag, known: list[tuple[str, str]]) -> Outcome:
    with _copy(mutant) as folder:
        played, error = _play(folder, bag, known)
    seconds, days = sum(story.seconds for story in played), sum(story.days for story in played)
    for story in played:
        killer = next((found for found in story.found if found.kind not in known), None)
        if killer is not None:
            days += killer.at / _DAY - story.days
            return Outcome(mutant, killer, story.seed, days, seconds)
    return Outcome(mutant, None, None, days, seconds, error)


@contextmanager
def _copy(mutant: Mutant) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        mutant.write(Path(folder))
        yield Path(folder)


def _play(folder: Path, bag: Bag, known: list[tuple[str, str]]) -> tuple[list[Played], str | None]:
    """The stories, played in a process of its own by the monitor in this folder; and why it ended, if by an error."""
    options = {
        "--days": bag.days,
        "--from": bag.first,
        "--count": bag.count,
        "--known": msgspec.json.encode(known).decode(),
        "--package": folder / PACKAGE.name,
    }
    command = [sys.executable, "-P", "-m", "tests.simulation.mutants.stories"]
    ended = subprocess.run(
        [*command, *(str(word) for option in options.items() for word in option)],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    played = [msgspec.json.decode(text, type=Played) for text in ended.stdout.splitlines()]
    error = None if ended.returncode == 0 else (ended.stderr.strip().splitlines() or ["no words"])[-1]
    return played, error
