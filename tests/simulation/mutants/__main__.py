"""``python -m tests.simulation.mutants [NAME...]``: shows whether the simulation finds what is wrong with mutants."""

import argparse
import sys

from tests.simulation.mutants.hunt import Bag, hunt, line, sound_kinds
from tests.simulation.mutants.mutant import named
from tests.simulation.mutants.table import MUTANTS


def main() -> int:
    """Hunt the mutants that the command line names, or all; 1 if any survives."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.mutants", description="Has mutants of the monitor found out."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="all without a name")
    parser.add_argument("--days", type=float, default=1.0, help="days of each story")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first story's seed")
    parser.add_argument("--count", type=int, default=20, help="stories in which each mutant is to be found out")
    options = parser.parse_args()
    bag = Bag(options.first, options.count, options.days)
    try:
        mutants = named(MUTANTS, options.names)
    except ValueError as error:
        parser.error(str(error))
    known = sound_kinds(bag)
    for wrong, rule in known:
        print(f"even without a mistake: {wrong}, {rule}; findings of this kind kill nothing")
    survivors = 0
    for outcome in hunt(mutants, bag, known):
        survivors += outcome.killed_by is None
        print(line(outcome), flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} killed within {bag.count * bag.days:g} days")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
