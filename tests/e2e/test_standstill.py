"""A program that was stopped for a while blames nobody for it, and goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.faults import Drop
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNOBSERVED_AFTER, STOPPED_FOR = 10, 16.0
"""Seconds; a request waits ten of them for its answer."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A monitor that was stopped and has gone on until each chain was covered past that."""

    monitor: Monitor
    late: Transfer
    webhook: Receiver
    lag: float


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["ws", "http", "dropped"])
async def stopped(
    bridge: Devnet, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Stopped]:
    """Its endpoints keep their connections, or drop them meanwhile, as servers do with who is silent for minutes."""
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook, Proxy(alpha.http_url) as before_alpha, Proxy(beta.http_url) as before_beta:
        proxies = {"alpha": before_alpha, "beta": before_beta}
        urls = {name: proxy.http_url if request.param == "http" else proxy.ws_url for name, proxy in proxies.items()}
        endpoints = {name: [url] for name, url in urls.items()}
        setup = Setup(
            (alpha, beta),
            {"machines": webhook},
            execute="PT20S",
            unobserved_after=f"PT{UNOBSERVED_AFTER}S",
            endpoints=endpoints,
        )
        config = await write_config(setup, tmp_path_factory.mktemp("stopped"))
        async with Monitor(config) as monitor:
            await monitor.ready()
            late = await bridge.xcall(alpha, beta)
            await monitor.knows(late, "XCalled")
            await monitor.stop()
            if request.param == "dropped":
                for proxy in proxies.values():
                    await proxy.apply(Drop())
                    await proxy.lift()
            await asyncio.sleep(STOPPED_FOR)
            monitor.go_on()
            lag = await longest_lag(monitor)
            await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
            for chain in (alpha, beta):
                await monitor.covers(chain.name, late.timestamp + round(STOPPED_FOR))
            yield Stopped(monitor, late, webhook, lag)


async def longest_lag(monitor: Monitor) -> float:
    """Of its event loop, in seconds, once it is more than usual; a minute later it would be forgotten."""
    lags: list[float] = []

    async def is_long() -> bool:
        metrics = await monitor.text("/metrics")
        line = next(line for line in metrics.splitlines() if line.startswith("connext_monitor_loop_lag_max_seconds "))
        lags.append(float(line.split()[1]))
        return lags[-1] > STOPPED_FOR / 2

    await until(is_long, why=lambda: lags)
    return lags[-1]


async def test_only_what_is_late_is_alerted(stopped: Stopped) -> None:
    assert await stopped.monitor.alerts() == [("execute_overdue", stopped.late.transfer_id, "open")]


async def test_no_endpoint_is_blamed(stopped: Stopped) -> None:
    assert stopped.monitor.events("endpoint.failed") == []
    assert stopped.monitor.events("chain.unobserved") == []


async def test_how_long_it_stood_still_is_measured(stopped: Stopped) -> None:
    assert stopped.lag > STOPPED_FOR / 2
