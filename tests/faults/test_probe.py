"""Whether a chain could be observed is seen by few requests, and only where its logs are given."""

import os
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.config import load_config
from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.probe import ChainProbe
from scripts.devnet import Devnet
from tests.e2e.monitor import Setup, write_config
from tests.faults.hooks import refusal
from tests.faults.proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def probe_of(bridge: Devnet, folder: Path, endpoints: Sequence[str]) -> ChainProbe:
    file = await write_config(Setup(bridge.chains, {}, endpoints={"alpha": endpoints}), folder)
    chain = load_config(file, os.environ).chains["alpha"]
    return ChainProbe(chain, open_endpoint, SystemClock(), SystemRandom())


async def test_a_look_takes_two_requests_and_two_more_at_first(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, _ = bridge.chains
    probe = await probe_of(bridge, tmp_path, [origin.ws_url])
    origin.requests.clear()
    assert await probe.head(None) == await alpha.head()
    assert [method for method, _ in origin.requests[:2]] == ["eth_chainId", "eth_getCode"]
    assert [method for method, _ in origin.requests[2:]] == ["eth_getBlockByNumber", "eth_getLogs"]
    origin.requests.clear()
    await alpha.mine()
    assert await probe.head(BlockNumber(0)) == await alpha.head()
    assert len(origin.requests) == 2


async def test_the_next_endpoint_is_asked_where_one_has_nothing_new(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, _ = bridge.chains
    probe = await probe_of(bridge, tmp_path, [alpha.ws_url, origin.ws_url])
    origin.requests.clear()
    head = BlockNumber(await alpha.head())
    assert await probe.head(BlockNumber(head - 1)) == head
    assert origin.requests == []
    assert await probe.head(head) == head
    assert len(origin.requests) == 4


async def test_an_endpoint_that_gives_no_logs_does_not_see_the_chain(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    probe = await probe_of(bridge, tmp_path, [origin.http_url])
    refuses = refusal(-32601, "the method eth_getLogs does not exist")
    with origin.ruled(lambda method, _: refuses if method == "eth_getLogs" else None):
        assert await probe.head(None) is None
    await origin.stop()
    assert await probe.head(None) is None
