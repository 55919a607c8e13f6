"""What the oracle takes to be wrong with a chain, by what a story does to its endpoints."""

import pytest

from tests.simulation.small_worlds import HERE, story, transfer
from tests.simulation.story import EndpointFault
from tests.simulation.trace import Interval
from tests.simulation.troubles import EndpointTrouble
from tests.simulation.truth import ChainTruth
from tests.simulation.world import World
from tests.simulation.world_truth import truth_of

DURING = Interval(100.0, 150.0)


def chain_with(trouble: EndpointTrouble) -> ChainTruth:
    """What is known of a chain, one of whose endpoints was in trouble, by three blocks where that counts."""
    drawn = story(transfer(), endpoint_faults=(EndpointFault(HERE, 0, DURING.begin, 50.0, trouble, 3.0),))
    world = World(drawn)
    world.advance(drawn.seconds)
    return truth_of(drawn, world.facts()).by_domain[HERE]


@pytest.mark.parametrize("trouble", EndpointTrouble)
def test_an_endpoint_is_behind_in_all_that_it_says_or_in_some(trouble: EndpointTrouble) -> None:
    chain = chain_with(trouble)
    behind = ((DURING, 3 * chain.block_time),)
    assert chain.lags == (behind if trouble is EndpointTrouble.LAG else ())
    assert chain.uneven == (behind if trouble is EndpointTrouble.UNEVEN else ())


@pytest.mark.parametrize("trouble", EndpointTrouble)
def test_logs_are_unheard_where_none_are_pushed(trouble: EndpointTrouble) -> None:
    silent = trouble in {EndpointTrouble.MUTE, EndpointTrouble.MUTE_LOGS}
    assert list(chain_with(trouble).unheard) == ([DURING] if silent else [])
