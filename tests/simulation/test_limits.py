"""How soon alerts come again after endpoints have refused everything as too many requests."""

import pytest

from connext_monitor.assembly.outside import LookIntervals
from tests.simulation.harness import play
from tests.simulation.small_worlds import HERE, POLLED, PUSHING, THERE
from tests.simulation.story import EPOCH, ChainTraits, Channel, Deadlines, EndpointFault, Story, Transfer
from tests.simulation.trace import State
from tests.simulation.troubles import EndpointTrouble

BEGIN, AFTER = 150.0, 60.0
EXECUTE = 15.0


def chain(domain: int) -> ChainTraits:
    """Its blocks come each two seconds, and it has two endpoints."""
    return ChainTraits(
        domain=domain,
        chain_id=30_000 + domain,
        block_time=2.0,
        final_depth=5,
        endpoints=(PUSHING, POLLED),
        age=600.0,
    )


def limited_for(seconds: float) -> Story:
    """A leg is late every few seconds, and both endpoints of its destination refuse everything for a while."""
    end = BEGIN + seconds + AFTER
    return Story(
        seed=1,
        seconds=end,
        quiet_from=end,
        deadlines=Deadlines(execute=EXECUTE, reconcile=3600.0),
        chains=(chain(HERE), chain(THERE)),
        channels=(Channel("hook", "webhook"),),
        transfers=tuple(Transfer(at, HERE, THERE, 10**18, None, 3.0) for at in range(5, round(end) - 30, 5)),
        endpoint_faults=tuple(
            EndpointFault(THERE, endpoint, BEGIN, seconds, EndpointTrouble.RATE_LIMIT, 0) for endpoint in (0, 1)
        ),
    )


@pytest.mark.parametrize("seconds", [10.0, 90.0])
def test_a_limit_that_was_lifted_is_noticed_within_seconds(seconds: float) -> None:
    trace = play(limited_for(seconds), LookIntervals()).trace
    called = {record.transfer_id: record.xcalled for record in trace.transfers}
    delays = {}
    for message in trace.messages:
        xcalled = called.get(message.subject or "")
        if message.kind == "execute_overdue" and message.state is State.OPEN and xcalled is not None:
            due = xcalled.timestamp + EXECUTE - EPOCH
            delays[due - BEGIN - seconds] = message.at - due
    lifted = {since: delay for since, delay in delays.items() if since >= 10}
    assert len(lifted) >= 3
    assert max(lifted.values()) < 5
