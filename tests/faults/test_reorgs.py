"""Promise 3: an event is taken back only when another block stands at its height, and then with all that follows."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.transfer import Status
from scripts.devnet import Chain, Devnet
from tests.e2e.monitor import Setup
from tests.faults.faults import Mute
from tests.faults.feed import REMOVED_ONLY
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.faults.watching import Watch, transfer_id, watching
from tests.world.databases import awaited_in
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def through(bridge: Devnet, origin: Proxy, destination: Proxy, *, execute: str = "PT1H") -> Setup:
    endpoints = {"alpha": [origin.ws_url], "beta": [destination.ws_url]}
    return Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after="PT2M", execute=execute)


async def settled(bridge: Devnet, watch: Watch, *proxies: Proxy) -> None:
    """Wait until both chains are followed, and a few blocks of each are covered; only `removed` tells of reorgs."""
    await until(lambda: all(proxy.subscribers == 2 for proxy in proxies))
    for proxy in proxies:
        proxy.reorgs = REMOVED_ONLY
    for chain in bridge.chains:
        await chain.mine(2)
        await watch.covers(chain.name, await chain.head() - 1)


async def sees_head(watch: Watch, chain: Chain) -> None:
    """Wait until the chain's head has been announced to its observer."""
    number = await chain.head()
    state = watch.observers[chain.name].state
    await until(lambda: state.head is not None and state.head.number == number)


def checkpoint(watch: Watch, chain: Chain) -> int:
    coverage = watch.observers[chain.name].state.coverage
    return coverage.checkpoint if coverage else -1


async def first_log(chain: Chain, block: int) -> Json:
    logs: list[Json] = await chain.rpc(
        "eth_getLogs", [{"address": chain.contract, "fromBlock": hex(block), "toBlock": hex(block)}]
    )
    return logs[0]


async def confirm(watch: Watch, chain: Chain, proxy: Proxy, log: Json) -> None:
    """Hint at a reorg as a real node does, and wait until the chain has been covered again up to its head."""
    asked = len(proxy.asked("eth_getLogs"))
    await proxy.push("logs", log | {"removed": True})
    await until(lambda: len(proxy.asked("eth_getLogs")) > asked)
    commits = len(watch.commits)
    await until(lambda: any(news.progress for news in watch.commits[commits - 1 :]))
    await watch.covers(chain.name, await chain.head())


async def test_a_reorg_of_xcalled_resolves_its_open_alert_as_reorged(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination, execute="PT1S"), tmp_path) as watch:
        await settled(bridge, watch, origin, destination)
        transfer = await bridge.xcall(alpha, beta)
        await mine_until_alerted(watch, beta, transfer.transfer_id)
        await alpha.reorg(1)
        await alpha.mine()
        await watch.knows(transfer, None)
        assert await watch.alerts() == [("execute_overdue", transfer.transfer_id, "reorged")]


async def mine_until_alerted(watch: Watch, chain: Chain, subject: str) -> None:
    """Give the chain a block now and then, until the subject has an open alert."""

    async def alerted() -> bool:
        await chain.mine()
        await asyncio.sleep(0.1)
        return subject in {about for _, about, _ in await watch.alerts(AlertState.OPEN)}

    await until(alerted)


async def test_an_executed_that_moves_to_another_block_is_one_event_afterwards(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await settled(bridge, watch, origin, destination)
        transfer = await bridge.xcall(alpha, beta)
        first = await bridge.execute_fast(transfer)
        await watch.knows(transfer, Status.EXECUTED)
        log = await first_log(beta, first.block_number)
        await beta.reorg(1)
        second = await bridge.execute_fast(transfer)
        await confirm(watch, beta, destination, log)

        async def moved() -> bool:
            view = await watch.view(transfer)
            executed = view.transfer.executed if view else None
            return executed is not None and executed.block.number == second.block_number

        await until(moved)
        assert await stored_places(watch, transfer.transfer_id) == {("executed", second.block_hash)}


async def stored_places(watch: Watch, subject: str) -> set[tuple[str, str]]:
    """Kind and block hash of every Executed that has been added and not removed since."""
    held: set[tuple[str, str]] = set()
    for record in watch.records(subject):
        held = held | {record[1:]} if record[0] == "added" else held - {record[1:]}
    return {record for record in held if record[0] == "executed"}


async def test_a_leg_that_a_reorg_took_is_awaited_again(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await settled(bridge, watch, origin, destination)
        transfer = await bridge.xcall(alpha, beta)
        await bridge.execute_fast(transfer)
        await watch.knows(transfer, Status.EXECUTED)
        await beta.reorg(1)
        await beta.mine()
        await watch.knows(transfer, Status.XCALLED)
        awaited = await awaited_in(watch.store, due_until=2**40, transfer_id=transfer_id(transfer))
        assert "execute" in {due.leg.value for due in awaited}


async def test_a_late_log_of_an_orphaned_block_is_no_event(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await settled(bridge, watch, origin, destination)
        await origin.apply(Mute("logs"))
        transfer = await bridge.xcall(alpha, beta)
        log = await first_log(alpha, transfer.block_number)
        orphan = await alpha.rpc("eth_getBlockByHash", [transfer.block_hash, False])
        await alpha.reorg(1)
        await alpha.mine(8)
        await sees_head(watch, alpha)
        await origin.push("logs", log | {"removed": True})
        await until(lambda: checkpoint(watch, alpha) >= transfer.block_number)
        await origin.lift()

        def keeps_orphans(method: str, params: list[Any]) -> Json | None:
            # As go-ethereum does: by its hash, a block that no longer stands is still given.
            return {"result": orphan} if method == "eth_getBlockByHash" and params[0] == orphan["hash"] else None

        with origin.ruled(keeps_orphans):
            await origin.push("logs", log)
            # The nonce is free again, so this is the same transfer in another block.
            again = await bridge.xcall(alpha, beta)
            assert again.transfer_id == transfer.transfer_id
            await watch.knows(again, Status.XCALLED)
        assert [block_hash for _, _, block_hash in watch.records(again.transfer_id)] == [again.block_hash]


async def test_a_missing_block_never_takes_an_event_back(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await settled(bridge, watch, origin, destination)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        log = await first_log(alpha, transfer.block_number)

        def lacks_it(method: str, params: list[Any]) -> Json | None:
            if method == "eth_getBlockByNumber" and params[0] == hex(transfer.block_number):
                return {"result": None}
            return {"result": []} if method == "eth_getLogs" else None

        with origin.ruled(lacks_it):
            await alpha.mine()
            await sees_head(watch, alpha)
            asked = len(origin.asked("eth_getLogs"))
            await origin.push("logs", log | {"removed": True})
            await until(lambda: len(origin.asked("eth_getLogs")) > asked + 1)
            assert await watch.status(transfer) is Status.XCALLED
        assert watch.removed(transfer.transfer_id) == []


async def test_an_answer_that_leaves_out_a_known_log_is_not_believed(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, destination), tmp_path) as watch:
        await settled(bridge, watch, origin, destination)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        log = await first_log(alpha, transfer.block_number)
        await alpha.mine()
        await sees_head(watch, alpha)
        head = await alpha.head()
        covered = watch.covered("alpha")
        origin.edit_logs = lambda _filter, _logs: []
        asked = len(origin.asked("eth_getLogs"))
        await origin.push("logs", log | {"removed": True})
        await until(lambda: len(origin.asked("eth_getLogs")) > asked + 1)
        assert watch.covered("alpha") == covered
        assert await watch.status(transfer) is Status.XCALLED
        origin.edit_logs = None
        await watch.covers("alpha", head)
        assert watch.removed(transfer.transfer_id) == []
