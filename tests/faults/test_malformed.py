"""A chain whose logs are malformed in every answer is a chain out of sight: the real program says so, and recovers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts.devnet import Chain, Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def mining(chain: Chain) -> AsyncIterator[None]:
    """The chain goes on, a block twice a second."""

    async def mine() -> None:
        while True:
            await chain.mine()
            await asyncio.sleep(0.5)

    miner = asyncio.create_task(mine())
    try:
        yield
    finally:
        miner.cancel()
        await asyncio.gather(miner, return_exceptions=True)


async def is_observed(monitor: Monitor) -> bool:
    return bool((await monitor.chain("alpha"))["observed"])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda log: log | {"logIndex": 0.5}, "gave a log that cannot be read"),
        (lambda log: log | {"data": log["data"][:-64]}, "gives logs of the contract that cannot be decoded"),
    ],
    ids=["an index that is none", "data that is cut off"],
)
async def test_a_chain_of_malformed_logs_is_unobserved_until_one_reads(
    bridge: Devnet, origin: Proxy, tmp_path: Path, bad: Callable[[Json], Json], words: str
) -> None:
    alpha, beta = bridge.chains
    async with Receiver() as webhook, mining(alpha):
        setup = Setup(
            bridge.chains, {"machines": webhook}, endpoints={"alpha": [origin.ws_url]}, unobserved_after="PT16S"
        )
        async with Monitor(await write_config(setup, tmp_path)) as monitor:
            await until(lambda: is_observed(monitor), why=lambda: monitor.said)
            origin.edit_logs = lambda _filter, logs: [bad(log) for log in logs]
            origin.edit_push = lambda feed, pushed: [bad(pushed) if feed == "logs" else pushed]
            transfer = await bridge.xcall(alpha, beta)
            opening = await webhook.gets("alert.opened", "chain_unobserved", "alpha")
            assert words in opening.alert["text"]

            async def is_not_ready() -> bool:
                status, readiness = await monitor.get("/readyz")
                return (status, words in str(readiness)) == (503, True)

            await until(is_not_ready)
            origin.edit_logs = origin.edit_push = None
            await webhook.gets("alert.resolved", "chain_unobserved", "alpha")
            await monitor.knows(transfer, "XCalled")


@pytest.mark.parametrize(
    "junk",
    [
        lambda _log, number: {"nonsense": number, "more": "x" * 2_000},
        lambda log, number: log | {"address": f"0x{number:040x}"},
        lambda log, number: log | {"data": log["data"][:-64], "logIndex": hex(number)},
    ],
    ids=["nonsense", "another contract's", "undecodable"],
)
async def test_a_chain_that_is_answered_with_junk_holds_up_no_other(
    bridge: Devnet, origin: Proxy, tmp_path: Path, junk: Callable[[Json, int], Json]
) -> None:
    alpha, beta = bridge.chains
    made: list[Json] = []

    def with_junk(_filter: Json, logs: list[Json]) -> list[Json]:
        if logs and not made:
            made.extend(junk(logs[0], number) for number in range(10_000))
        return [*logs, *made]

    async with Receiver() as webhook, mining(alpha), mining(beta):
        setup = Setup(
            bridge.chains, {"machines": webhook}, endpoints={"alpha": [origin.ws_url]}, unobserved_after="PT10S"
        )
        async with Monitor(await write_config(setup, tmp_path)) as monitor:
            await until(lambda: origin.subscribers == 2, why=lambda: monitor.said)
            origin.edit_logs = with_junk
            there = await bridge.xcall(alpha, beta)
            await monitor.knows(there, "XCalled")
            await until(lambda: bool(monitor.events("log.malformed")), why=lambda: monitor.said)
            back = await bridge.xcall(beta, alpha)
            await monitor.knows(back, "XCalled")
            await monitor.covers("beta", back.timestamp)
            assert len(monitor.events("log.malformed")) < 100
            assert ("chain_unobserved", "beta", "open") not in await monitor.alerts()
    assert sum(file.stat().st_size for file in tmp_path.glob("connext-monitor.db*")) < 40 * 2**20
