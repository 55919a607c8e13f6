"""``scripts/simulate``: plays stories and says what is wrong."""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import click

from tests.simulation.drawing import NEWEST_SEEDS
from tests.simulation.mutants.hunt import failures
from tests.simulation.report import Report
from tests.simulation.runner import Outcome, outcome, outcomes, outcomes_within, shrunk, story_of
from tests.simulation.story import from_json

_NEW_SEEDS = 10**9


@click.command()
@click.option("--seed", type=int, help="Play the story of this seed.")
@click.option("--from", "first", type=int, help="Play the stories of the seeds from this one on.")
@click.option("--new", is_flag=True, help="Play the stories of the seeds from a random one on.")
@click.option("--count", type=int, default=1, show_default=True, help="How many of them.")
@click.option("--seconds", type=float, help="Instead: as many as one processor plays in this time.")
@click.option("--days", type=float, default=1.0, show_default=True, help="How long each story is.")
@click.option("--minutes", is_flag=True, help="Only two chains with a block a minute: what speed is measured with.")
@click.option("--story", type=click.Path(path_type=Path, exists=True), help="Play the story in this file.")
@click.option(
    "--mutants", is_flag=True, help="Play mutants of the monitor, named ones or all, in stories aimed at them."
)
@click.argument("names", nargs=-1)
@click.option("--shrink", is_flag=True, help="Make a story that shows something wrong as small as it gets.")
def main(
    seed: int | None,
    first: int | None,
    count: int,
    seconds: float | None,
    days: float,
    names: tuple[str, ...],
    *,
    new: bool,
    minutes: bool,
    story: Path | None,
    shrink: bool,
    mutants: bool,
) -> None:
    """Play the whole monitor through days of bad luck, and judge what it told and stored."""
    if mutants:
        sys.exit(_hunt(names))
    if names:
        raise click.UsageError("names are those of mutants: say --mutants, too")
    if (seed is not None) + (first is not None) + new + (story is not None) != 1:
        raise click.UsageError("say one of --seed, --from, --new and --story")
    results = []
    if seed is not None or story is not None:
        played = from_json(story.read_bytes()) if story is not None else story_of(seed or 0, days, minutes=minutes)
        results.append(outcome(played))
        _show(results[0])
        if shrink and results[0].wrong:
            click.echo(f"small story: {shrunk(played)}")
    else:
        begin = NEWEST_SEEDS + SystemRandom().randrange(_NEW_SEEDS) if first is None else first
        click.echo(f"seeds from {begin} on, {days:g} days each; one again: scripts/simulate --seed N --days {days:g}")
        for result in _many(begin, count, seconds, days, minutes=minutes):
            results.append(result)
            _show(result)
    total = sum((result.report for result in results), Report())
    cpu = sum(result.cpu for result in results)
    click.echo(f"\n{total}\nspeed      {60 * total.days / cpu:.1f} days a minute of one processor")
    sys.exit(1 if any(result.wrong for result in results) else 0)


def _many(first: int, count: int, seconds: float | None, days: float, *, minutes: bool) -> Iterator[Outcome]:
    if seconds is not None:
        return outcomes_within(seconds, first, days, minutes=minutes)
    return outcomes(range(first, first + count), days, minutes=minutes)


def _hunt(names: tuple[str, ...]) -> int:
    try:
        return 1 if failures(names) else 0
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _show(result: Outcome) -> None:
    words = f"{len(result.wrong)} findings" if result.wrong else "sound"
    click.echo(f"seed {result.seed}: {words}, in {result.cpu:.1f} s; digest {result.digest[:16]}")
    for line in result.wrong:
        click.echo(line)
    if result.log is not None:
        click.echo(f"  log: {result.log}")


if __name__ == "__main__":
    main()
