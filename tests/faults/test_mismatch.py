"""Promise 9 at its sharpest: an endpoint that makes up a theft is found out, where anything can show it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connext_monitor.core.transfer import Status
from scripts.devnet import Devnet, Transfer
from scripts.devnet.contracts import EXECUTED
from scripts.devnet.transaction import Receipt
from tests.e2e.monitor import Setup
from tests.faults.faults import Mute
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.faults.watching import Watch, watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

THIEF = "99" * 20
MADE_UP = "0x" + "99" * 32


def stolen(log: Json) -> Json:
    """An Executed that paid somebody else; any other log as it is."""
    if log["topics"][0] != "0x" + EXECUTED.hex():
        return log
    recipient = log["topics"][2][-40:]
    return log | {"data": log["data"].replace(recipient, THIEF)}


def mangled(log: Json) -> Json:
    """The log with the end of its data missing."""
    return log | {"data": log["data"][:-64]}


def displaced(log: Json) -> Json:
    """The log in a block of the same height that nobody has."""
    return log | {"blockHash": MADE_UP}


@asynccontextmanager
async def followed(bridge: Devnet, proxy: Proxy, folder: Path, *more: str) -> AsyncIterator[Watch]:
    """A monitor that follows beta through the proxy."""
    beta = bridge.chain("beta")
    endpoints = {"beta": [proxy.ws_url, *more]}
    async with watching(
        Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after="PT2M", execute="PT1H"), folder
    ) as watch:
        await until(lambda: proxy.subscribers == 2)
        await beta.mine()
        await watch.covers("beta", await beta.head())
        yield watch


async def executed(bridge: Devnet, watch: Watch) -> tuple[Transfer, Receipt]:
    transfer = await bridge.xcall(*bridge.chains)
    await watch.knows(transfer, Status.XCALLED)
    return transfer, await bridge.execute_fast(transfer)


async def test_what_is_pushed_accuses_nobody_and_is_looked_at_soon(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    destination.edit_push = lambda feed, pushed: [stolen(pushed) if feed == "logs" else pushed]
    async with followed(bridge, destination, tmp_path) as watch:
        transfer, receipt = await executed(bridge, watch)
        await watch.covers("beta", receipt.block_number)
        await watch.knows(transfer, Status.EXECUTED)
        assert sum(watch.malformed.values()) == 1
        assert await watch.alerts() == []


async def test_what_the_only_endpoint_answers_is_believed(bridge: Devnet, destination: Proxy, tmp_path: Path) -> None:
    destination.edit_logs = lambda _filter, logs: list(map(stolen, logs))
    destination.edit_push = lambda feed, pushed: [stolen(pushed) if feed == "logs" else pushed]
    async with followed(bridge, destination, tmp_path) as watch:
        transfer, _ = await executed(bridge, watch)
        await until(watch.alerts)
        assert await watch.alerts() == [("delivery_mismatch", transfer.transfer_id, None)]


async def test_another_endpoint_that_knows_better_is_believed(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    destination.edit_logs = lambda _filter, logs: list(map(stolen, logs))
    destination.edit_push = lambda feed, pushed: [stolen(pushed) if feed == "logs" else pushed]
    async with followed(bridge, destination, tmp_path, bridge.chain("beta").ws_url) as watch:
        _, receipt = await executed(bridge, watch)
        await watch.covers("beta", receipt.block_number)
        await until(lambda: sum(watch.malformed.values()) >= 2)
        assert await watch.alerts() == []


@pytest.mark.parametrize(
    "shown",
    [lambda _: [], lambda logs: list(map(mangled, logs)), lambda logs: list(map(displaced, logs))],
    ids=["nothing", "mangled", "in a made-up block"],
)
async def test_an_endpoint_that_does_not_show_it_is_asked_for_its_contract(
    bridge: Devnet, destination: Proxy, tmp_path: Path, shown: Callable[[list[Json]], list[Json]]
) -> None:
    destination.edit_logs = lambda _filter, logs: list(map(stolen, logs))
    destination.edit_push = lambda feed, pushed: [stolen(pushed) if feed == "logs" else pushed]
    asked: list[object] = []
    destination.rules = [lambda _, params: asked.append(params)]
    async with Proxy(bridge.chain("beta").http_url) as other:
        other.edit_logs = lambda _filter, logs: shown(logs)
        async with followed(bridge, destination, tmp_path, other.ws_url) as watch:
            transfer, _ = await executed(bridge, watch)
            await until(watch.alerts)
            assert await watch.alerts() == [("delivery_mismatch", transfer.transfer_id, None)]
    assert asked
    assert [params for params in asked if MADE_UP in str(params)] == []


async def test_a_log_that_its_blocks_own_bloom_rules_out_accuses_nobody(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    beta = bridge.chain("beta")
    made_up: list[Json] = []

    def tell(log_filter: Json, logs: list[Json]) -> list[Json]:
        reached = int(log_filter["fromBlock"], 16), int(log_filter["toBlock"], 16)
        return logs + [log for log in made_up if reached[0] <= int(log["blockNumber"], 16) <= reached[1]]

    destination.edit_logs = tell
    async with followed(bridge, destination, tmp_path) as watch:
        transfer, receipt = await executed(bridge, watch)
        await watch.knows(transfer, Status.EXECUTED)
        (log,) = await beta.rpc("eth_getLogs", [{"blockHash": receipt.block_hash, "topics": ["0x" + EXECUTED.hex()]}])
        await destination.apply(Mute("logs"))
        await beta.mine()
        block = await beta.rpc("eth_getBlockByNumber", ["latest", False])
        made_up.append(stolen(log) | {"blockHash": block["hash"], "blockNumber": block["number"]})
        await destination.lift()
        await destination.push("logs", made_up[0])
        await watch.covers("beta", int(block["number"], 16))
        await until(lambda: sum(watch.malformed.values()) >= 2)
        assert await watch.alerts() == []
