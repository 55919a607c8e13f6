"""Promise 5: absence is established, not assumed."""

import time
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.core.events import DomainId
from connext_monitor.core.transfer import Status
from scripts.devnet import Devnet, Transfer
from tests.e2e.monitor import Setup, write_config
from tests.faults.faults import Freeze, Mute, RangeLimit
from tests.faults.hooks import Json, refusal
from tests.faults.proxy import Proxy
from tests.faults.watching import Watch, watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 2
TRANSFER_STATUS = "0xbfd79030"


def to(bridge: Devnet, *destination: str) -> Setup:
    """Both chains, beta through these endpoints."""
    endpoints = {"beta": list(destination)}
    return Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after="PT2M", execute=f"PT{DEADLINE}S")


async def past_due(bridge: Devnet, transfer: Transfer) -> None:
    """Wait until its deadline has passed, and give the destination a block stamped after it."""
    due = transfer.timestamp + DEADLINE
    await until(lambda: time.time() > due + 1)
    beta = bridge.chain("beta")
    await beta.set_clock(int(time.time()) + 1)  # which may be behind: a block would be stamped with the deadline itself
    await beta.mine()


async def accused(watch: Watch, transfer: Transfer) -> bool:
    return ("execute_overdue", transfer.transfer_id, None) in await watch.alerts()


def statuses_asked(proxy: Proxy) -> int:
    return sum(params[0]["data"].startswith(TRANSFER_STATUS) for params in proxy.asked("eth_call"))


async def test_a_hidden_executed_is_fetched_and_accuses_nobody(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    await destination.apply(Mute("logs"))
    destination.edit_logs = lambda log_filter, logs: logs if len(log_filter["topics"]) > 1 else []
    async with watching(to(bridge, destination.ws_url), tmp_path) as watch:
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await bridge.execute_fast(transfer)
        await past_due(bridge, transfer)
        await watch.knows(transfer, Status.EXECUTED)
        assert await watch.alerts() == []


async def test_an_executed_that_is_hidden_behind_a_later_reconciled_is_fetched_too(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    await destination.apply(Mute("logs"), RangeLimit("geth", 100))  # so that few blocks are more than one search reads
    setup = to(bridge, destination.ws_url)
    await write_config(setup, tmp_path)
    transfer = await bridge.xcall(alpha, beta)
    await bridge.execute_fast(transfer)
    await beta.mine(110)
    reconciled = await bridge.reconcile(transfer)
    await past_due(bridge, transfer)

    def shown(log_filter: Json, logs: list[Json]) -> list[Json]:
        by_id = len(log_filter["topics"]) > 1
        return [log for log in logs if by_id or int(log["blockNumber"], 16) >= reconciled.block_number]

    destination.edit_logs = shown
    async with watching(setup, tmp_path) as watch:
        await watch.knows(transfer, Status.COMPLETED_FAST)
        assert await watch.alerts() == []


async def test_while_the_destination_cannot_be_asked_nobody_is_accused(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains

    def broken(method: str, params: list[Any]) -> Json | None:
        if method != "eth_call" or not params[0]["data"].startswith(TRANSFER_STATUS):
            return None
        return refusal(-32603, "internal error")

    async with watching(to(bridge, destination.ws_url), tmp_path) as watch:
        with destination.ruled(broken):
            transfer = await bridge.xcall(alpha, beta)
            await watch.knows(transfer, Status.XCALLED)
            await past_due(bridge, transfer)
            await until(lambda: statuses_asked(destination) >= 2)
            assert not await accused(watch, transfer)
        await until(lambda: accused(watch, transfer))


async def test_only_a_block_after_the_deadline_accuses(bridge: Devnet, destination: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(to(bridge, destination.http_url), tmp_path) as watch:
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        due = transfer.timestamp + DEADLINE
        await until(lambda: time.time() > due + 0.5)
        await beta.set_block_timestamp(due)
        await beta.mine()
        await watch.covers("beta", await beta.head())
        asked = statuses_asked(destination)
        assert (asked, await watch.alerts()) == (0, [])
        await beta.set_block_timestamp(due + 1)
        await beta.mine()
        await until(lambda: accused(watch, transfer))
        await beta.set_clock(int(time.time()) + 1)


async def test_a_leg_in_a_block_stamped_with_the_deadline_is_met(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(to(bridge, destination.http_url), tmp_path) as watch:
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        due = transfer.timestamp + DEADLINE
        await beta.set_block_timestamp(due)
        executed = await bridge.execute_fast(transfer)
        assert executed.timestamp == due
        await past_due(bridge, transfer)
        await watch.covers("beta", await beta.head())
        await watch.knows(transfer, Status.EXECUTED)
        assert await watch.alerts() == []


async def test_a_call_that_a_reorg_took_unseen_accuses_nobody(
    bridge: Devnet, origin: Proxy, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    endpoints = {"alpha": [origin.ws_url], "beta": [destination.ws_url]}
    setup = Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after="PT2M", execute=f"PT{DEADLINE}S")
    async with watching(setup, tmp_path) as watch:
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await origin.apply(Freeze())
        await alpha.reorg(1)
        await past_due(bridge, transfer)
        await until(lambda: watch.scheduler.hindered(DomainId(beta.domain_id)))
        assert not await accused(watch, transfer)
        await origin.lift()
        await watch.knows(transfer, None)
        assert await watch.alerts() == []
