"""The real program behind an endpoint whose plan allows few requests: it catches up, for few requests, and judges."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRANSFERS = 45


class PerSecond:
    """A rule of a proxy: so many requests a second, and beyond them this error."""

    def __init__(self, most: int, error: Json) -> None:
        self._most = most
        self._error = error
        self._window, self._count = 0, 0
        self.refused: Counter[str] = Counter()

    def __call__(self, method: str, _params: list[Any]) -> Json | None:
        if int(time.monotonic()) != self._window:
            self._window, self._count = int(time.monotonic()), 0
        self._count += 1
        if self._count <= self._most:
            return None
        self.refused[method] += 1
        return {"error": self._error}


RPS = {"code": -32005, "message": "You have exceeded the RPS limit", "data": {"try_again_in": "250.5ms"}}
MISLEADING = {"code": -32000, "message": "block range too large"}


@pytest.mark.parametrize("error", [RPS, MISLEADING], ids=["rps", "misleading"])
@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_a_busy_history_is_caught_up_with_at_15_requests_a_second(
    bridge: Devnet, origin: Proxy, tmp_path: Path, error: Json, scheme: str
) -> None:
    alpha, beta = bridge.chains
    start = await alpha.head() + 1
    transfers = [await bridge.xcall(alpha, beta) for _ in range(TRANSFERS)]
    url = origin.ws_url if scheme == "ws" else origin.http_url
    endpoints = {"alpha": [url], "beta": [beta.ws_url]}
    setup = Setup(bridge.chains, {}, endpoints=endpoints, start_blocks={"alpha": start}, execute="PT1H")
    plan = PerSecond(15, error)
    with origin.ruled(plan):
        async with Monitor(await write_config(setup, tmp_path)) as monitor:
            for transfer in transfers:
                await monitor.knows(transfer, "XCalled")
            await until(lambda: monitor.chain("alpha"))

            async def caught_up() -> bool:
                return bool((await monitor.chain("alpha"))["observed"])

            await until(caught_up, why=lambda: monitor.said)
            assert origin.counts["eth_getBlockByHash"] < 3 * TRANSFERS
            assert origin.counts["eth_getLogs"] < 60
