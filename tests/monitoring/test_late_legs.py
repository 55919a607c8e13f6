"""Asking a loopback node which legs of old transfers are late now."""

from random import Random

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.deadline import Durations, Leg
from connext_monitor.core.transfer import fold
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.late_legs import LateLegFinder
from tests.monitoring.made_up_chain import CONFIG, GENESIS_TIME, Chain
from tests.monitoring.nodes import http_node, posting
from tests.world.transfers import BETA, info, sighting, xcalled


async def test_once_every_transfer_is_answered_for_no_other_endpoint_is_asked() -> None:
    transfer = fold([xcalled(info(), sighting(1, GENESIS_TIME))])
    assert transfer is not None
    async with http_node(posting(Chain(100, nonce=0).answer)) as url:
        chain = ChainConfig.model_validate(CONFIG | {"endpoints": [url, "http://127.0.0.1:1"]})
        pool = EndpointPool(chain, open_endpoint, SystemClock(), Random(1))  # noqa: S311 - spreads retries
        legs = LateLegFinder({BETA: pool}, lambda *_: Durations(execute=10, reconcile=10_000))
        search = await legs.among([transfer], GENESIS_TIME + 100)
    assert ([late.leg for late in search.late], search.unasked) == ([Leg.EXECUTE], 0)
    assert {kind.outcome for kind in pool.requests} == {"answered"}
