"""All mutants, by the promises that they break."""

from tests.simulation.mutants.absence import ABSENCE
from tests.simulation.mutants.bridge import BRIDGE
from tests.simulation.mutants.coverage import COVERAGE
from tests.simulation.mutants.delivering import DELIVERING
from tests.simulation.mutants.mutant import Mutant
from tests.simulation.mutants.owners import OWNERS
from tests.simulation.mutants.routers import ROUTERS
from tests.simulation.mutants.sight import SIGHT
from tests.simulation.mutants.stalls import STALLS
from tests.simulation.mutants.transactions import TRANSACTIONS
from tests.simulation.mutants.undo import UNDO

MUTANTS: tuple[Mutant, ...] = (
    *TRANSACTIONS,
    *COVERAGE,
    *UNDO,
    *ABSENCE,
    *DELIVERING,
    *SIGHT,
    *OWNERS,
    *BRIDGE,
    *STALLS,
    *ROUTERS,
)
