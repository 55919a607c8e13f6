"""All aimed stories, each with the mutants that it is aimed at."""

from tests.simulation.mutants.aimed import (
    bridge,
    channels,
    clusters,
    endpoints,
    legs,
    processes,
    reorgs,
    routers,
    stalls,
)
from tests.simulation.mutants.aimed.aim import Aim

AIMS: tuple[Aim, ...] = (
    *legs.AIMS,
    *reorgs.AIMS,
    *endpoints.AIMS,
    *processes.AIMS,
    *channels.AIMS,
    *bridge.AIMS,
    *stalls.AIMS,
    *routers.AIMS,
    *clusters.AIMS,
)


def aim_at(mutant: str) -> Aim:
    """The story that is aimed at the mutant of this name. Raises LookupError where there is none, or another one."""
    aims = [aim for aim in AIMS if mutant in aim.mutants]
    if len(aims) != 1:
        raise LookupError(f"{len(aims)} stories are aimed at {mutant}")
    return aims[0]
