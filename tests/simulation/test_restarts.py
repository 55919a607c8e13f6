"""What lasts is told of however often the monitor is restarted meanwhile: each process waits on."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.simulation.mutants.aimed.made import BLOCK, HERE, THERE, call, calls, chain, phantom, story, trouble
from tests.simulation.runner import played
from tests.simulation.sharing import Cluster
from tests.simulation.story import ChannelFault, EndpointFault, Kill, Standby, Story
from tests.simulation.trace import AlertChange, State
from tests.simulation.troubles import ChannelTrouble, EndpointTrouble, KillManner

BEGIN, SECONDS = 600.0, 900.0
LATE = calls(60.0, 1400.0, 60.0, (60.0, 400.0), (None, None))


def beset(*faults: EndpointFault, **changes: object) -> Story:
    """A story in which something lasts, and some legs are late."""
    return replace(story(2400.0, LATE, endpoint_faults=faults), **changes)  # type: ignore[arg-type]


def restarted(of: Story, every: float) -> Story:
    """The same, with a monitor that is killed so often while that lasts."""
    times = range(int(BEGIN), int(BEGIN + SECONDS), int(every))
    return replace(of, kills=tuple(Kill(0, float(at), 5.0, KillManner.STEP, 1) for at in times))


def openings(of: Story, kind: str) -> Sequence[AlertChange]:
    """The alerts of a kind that opened in a run in which nothing is wrong."""
    run, verdict = played(of)
    assert (run.faults, verdict.findings) == ((), ())
    return [change for change in run.trace.alerts if change.kind == kind and change.state is State.OPEN]


@pytest.mark.parametrize(
    "what",
    [
        EndpointTrouble.DISCONNECT,
        EndpointTrouble.HANG,
        EndpointTrouble.REFUSE_CALLS,
        EndpointTrouble.MALFORMED_LOGS,
    ],
)
def test_a_chain_that_cannot_be_relied_on_is_told_of(what: EndpointTrouble) -> None:
    (opened, *_) = openings(restarted(beset(trouble(BEGIN, SECONDS, what)), 75.0), "chain_unobserved")
    assert BEGIN + 60.0 < opened.at < BEGIN + SECONDS


def test_a_channel_that_fails_is_told_of() -> None:
    failing = beset(channel_faults=(ChannelFault("discord", BEGIN, SECONDS, ChannelTrouble.FAIL),))
    (opened, *_) = openings(restarted(failing, 40.0), "provider_failing")
    assert BEGIN + 60.0 < opened.at < BEGIN + SECONDS


@pytest.mark.parametrize("seconds", [0.0, 8.0])
def test_after_a_long_downtime_a_chain_has_a_fair_chance(seconds: float) -> None:
    """Its endpoints come back so many seconds after the monitor."""
    down = Kill(0, BEGIN, SECONDS, KillManner.STOP)
    faults = [trouble(BEGIN, SECONDS + seconds, EndpointTrouble.DISCONNECT, domain=domain) for domain in (HERE, THERE)]
    assert openings(beset(*faults, kills=(down,)), "chain_unobserved") == []


FINALITY = 20 * BLOCK
FALSELY_DELIVERED = story(
    2400.0,
    [call(100.0), call(1500.0), phantom(700.0)],
    chains=(chain(HERE, final_depth=20), chain(THERE, final_depth=20)),
)
SHARED = replace(FALSELY_DELIVERED, cluster=Cluster(takeover_after=20.0), standbys=(Standby(1, 100.0, 2200.0),))


@pytest.mark.parametrize("of", [FALSELY_DELIVERED, SHARED], ids=["restart", "takeover"])
def test_who_goes_on_accuses_a_phantom_after_one_more_finality(of: Story) -> None:
    """Where its origin stood when the delivery was seen is known to the process that saw it only."""
    ended = replace(of, kills=(Kill(0, 1000.0, 300.0 if of.cluster else 5.0, KillManner.STEP, 1),))
    (accused,) = openings(ended, "phantom_delivery")
    assert 1000.0 < accused.at < 1000.0 + 30.0 + FINALITY + 90.0
    assert accused.instance == (1 if of.cluster else 0)
