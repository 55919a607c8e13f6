"""All mutants, by the promise that they break."""

from tests.simulation.mutants.absence import ABSENCE
from tests.simulation.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*ABSENCE,)
