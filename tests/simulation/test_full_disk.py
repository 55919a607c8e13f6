"""A leg that a reorg takes while the disk is full ends no alert, whoever saw it: nobody is told that it has come."""

from dataclasses import replace

import pytest

from tests.simulation.mutants.aimed.made import HERE, POLLED, PUSHING, THERE, call, chain, reorg, story
from tests.simulation.runner import played
from tests.simulation.story import DiskFault, EndpointTraits, Fate
from tests.simulation.trace import State

FULL_UNTIL = 1225.0
FULL_DISK = story(
    2400.0,
    [call(100.0, 600.0, None), call(130.0, 660.0, None)],
    reorgs=(reorg(735.0, 1, Fate.DROPPED),),
)


@pytest.mark.parametrize(
    ("endpoint", "begin"),
    [(PUSHING, 600.0), (replace(PUSHING, tells_removed=False), 600.0), (POLLED, 718.0), (POLLED, 722.0)],
    ids=["pushed", "pushed, and its removal is not", "covered", "covered late"],
)
def test_a_leg_taken_while_the_disk_was_full_is_not_told(endpoint: EndpointTraits, begin: float) -> None:
    full = DiskFault(0, begin, FULL_UNTIL - begin)
    run, verdict = played(replace(FULL_DISK, chains=(chain(HERE), chain(THERE, endpoint)), disk_faults=(full,)))
    assert (run.faults, verdict.findings) == ((), ())
    _, came = (each.transfer_id for each in run.trace.transfers)
    ends = [change for change in run.trace.alerts if change.state is State.RESOLVED and change.kind.endswith("overdue")]
    assert [(end.subject, end.resolution) for end in ends] == [(came, "executed")]
    assert FULL_UNTIL < ends[0].at < FULL_UNTIL + 10.0
    assert len([line for line in run.log.lines if "endpoint.connected" in line]) == len(run.story.chains)
