"""Promises 4 and 9: malformed logs are kept and skipped; repetition and order of what is pushed do not matter."""

from pathlib import Path
from typing import Any

import pytest

from connext_monitor.core.transfer import Status
from scripts.devnet import Devnet
from tests.e2e.monitor import Setup
from tests.faults.faults import Mute, RefuseHandshake
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.faults.watching import Watch, watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def through(bridge: Devnet, origin: Proxy) -> Setup:
    return Setup(bridge.chains, {}, endpoints={"alpha": [origin.ws_url]}, unobserved_after="PT2M", execute="PT1H")


def mangled(log: Json) -> Json:
    """The log with the end of its data missing."""
    return log | {"data": log["data"][:-64], "logIndex": "0x77"}


async def followed(bridge: Devnet, origin: Proxy, watch: Watch) -> None:
    alpha = bridge.chain("alpha")
    await until(lambda: origin.subscribers == 2)
    await alpha.mine()
    await watch.covers("alpha", await alpha.head())


@pytest.mark.parametrize("bad", [mangled, lambda _: {"nonsense": True}, lambda log: log | {"topics": ["0x12"]}])
async def test_a_pushed_malformed_log_is_kept_and_stops_nothing(
    bridge: Devnet, origin: Proxy, tmp_path: Path, bad: Any
) -> None:
    alpha, beta = bridge.chains
    origin.edit_push = lambda feed, pushed: [bad(pushed), pushed] if feed == "logs" else [pushed]
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await followed(bridge, origin, watch)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        assert watch.malformed == {alpha.domain_id: 1}
        assert await watch.store.chains.malformed_counts() == {alpha.domain_id: 1}


@pytest.mark.parametrize("bad", [mangled, lambda log: log | {"address": "0x" + "11" * 20}])
async def test_a_malformed_log_in_an_answer_spares_the_others(
    bridge: Devnet, origin: Proxy, tmp_path: Path, bad: Any
) -> None:
    alpha, beta = bridge.chains
    await origin.apply(Mute("logs"))
    origin.edit_logs = lambda _filter, logs: [bad(logs[0]), *logs] if logs else logs
    setup = through(bridge, origin)
    async with watching(setup, tmp_path, only=["alpha"]) as watch:
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await watch.covers("alpha", transfer.block_number)
        assert await watch.store.chains.malformed_counts() == {alpha.domain_id: 1}


@pytest.mark.parametrize("bad", [{"nonsense": True}, {"address": "0x" + "11" * 20}, None, "text"])
async def test_blocks_with_an_unreadable_log_are_recorded_but_not_covered(
    bridge: Devnet, origin: Proxy, tmp_path: Path, bad: Any
) -> None:
    alpha, beta = bridge.chains
    await origin.apply(Mute("logs"))
    origin.edit_logs = lambda _filter, logs: [bad, *logs]
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await until(lambda: "gave a log that cannot be read" in str(watch.observers["alpha"].state.trouble))
        assert (watch.covered("alpha"), await watch.store.chains.malformed_counts()) == (-1, {alpha.domain_id: 1})
        origin.edit_logs = None
        await watch.covers("alpha", transfer.block_number)


@pytest.mark.parametrize(
    "written",
    [
        {"removed": None},
        {"removed": "false"},
        {"logIndex": 0},
        {"logIndex": "0"},
        {"blockNumber": int},
        {"blockNumber": str},
        {"address": str.upper},
        {"blockHash": lambda text: text[2:].upper()},
    ],
    ids=",".join,
)
async def test_logs_are_recorded_however_they_are_written(
    bridge: Devnet, origin: Proxy, tmp_path: Path, written: dict[str, Any]
) -> None:
    def rewritten(log: Json) -> Json:
        def value(name: str) -> object:
            if not callable(written[name]):
                return written[name]
            return written[name](int(log[name], 16) if name == "blockNumber" else log[name])

        return log | {name: value(name) for name in written}

    alpha, beta = bridge.chains
    origin.edit_logs = lambda _filter, logs: [rewritten(log) for log in logs]
    origin.edit_push = lambda feed, pushed: [rewritten(pushed) if feed == "logs" else pushed]
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await followed(bridge, origin, watch)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await watch.covers("alpha", transfer.block_number - 1)
        assert await watch.store.chains.malformed_counts() == {}


async def test_what_is_pushed_twice_is_recorded_once(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    origin.edit_push = lambda _feed, pushed: [pushed, pushed]
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await followed(bridge, origin, watch)
        first, second = await bridge.xcall(alpha, beta), await bridge.xcall(alpha, beta)
        await watch.knows(second, Status.XCALLED)
        assert [change for change, _, _ in watch.records(first.transfer_id)] == ["added"]


async def test_logs_that_come_long_before_their_heads_are_recorded_at_once(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await followed(bridge, origin, watch)
        await origin.apply(Mute("heads"))
        asked = len(origin.asked("eth_getLogs"))
        await watch.knows(await bridge.xcall(alpha, beta), Status.XCALLED)
        assert len(origin.asked("eth_getLogs")) == asked


async def test_a_destination_that_speaks_first_changes_nothing(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    await origin.apply(RefuseHandshake(503))
    async with watching(through(bridge, origin), tmp_path) as watch:
        transfer = await bridge.xcall(alpha, beta, amount=10**18)
        await bridge.execute_fast(transfer)
        await bridge.reconcile(transfer)
        await watch.knows(transfer, Status.UNKNOWN)
        await origin.lift()
        await watch.knows(transfer, Status.COMPLETED_FAST)


async def test_a_log_of_a_block_the_endpoint_lacks_is_no_event(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    made_up = "0x" + "ab" * 32
    origin.edit_push = lambda feed, pushed: [pushed | {"blockHash": made_up}] if feed == "logs" else [pushed]
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await followed(bridge, origin, watch)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        assert [block_hash for _, _, block_hash in watch.records(transfer.transfer_id)] == [transfer.block_hash]
