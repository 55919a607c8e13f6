"""Several endpoints: which one is used, and how one that leaves something out is found out."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from connext_monitor.core.events import Timestamp
from connext_monitor.core.transfer import Status
from scripts.devnet import Devnet
from tests.e2e.monitor import Setup
from tests.faults.faults import Delay, Mute
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.faults.second_endpoint import ALPHA, QUICK, checkpoint, mined_until, through, used
from tests.faults.watching import watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def second(bridge: Devnet) -> AsyncIterator[Proxy]:
    """Before alpha too."""
    async with Proxy(bridge.chain(ALPHA).http_url) as proxy:
        yield proxy


async def forgetful(proxy: Proxy) -> None:
    """It pushes no logs, answers without any, and tells no blooms."""
    await proxy.apply(Mute("logs"))
    proxy.edit_logs = lambda _filter, _logs: []
    proxy.edit_push = lambda _feed, pushed: [{**pushed, "logsBloom": None}]


async def test_what_an_endpoint_leaves_out_is_found_before_it_counts_as_final(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    await forgetful(destination)
    setup = Setup(
        bridge.chains,
        {},
        endpoints={"beta": [destination.ws_url, beta.ws_url]},
        unobserved_after="PT4S",
        execute="PT1H",
    )
    async with watching(setup, tmp_path, intervals=QUICK) as watch:
        await used(destination, beta, watch)
        transfer = await bridge.xcall(alpha, beta)
        await bridge.execute_fast(transfer)

        async def executed() -> bool:
            return await watch.status(transfer) is Status.EXECUTED

        await mined_until(beta, executed)
        await mined_until(beta, lambda: destination.subscribers == 0)


async def test_a_log_that_a_bloom_claims_is_asked_for_again(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    hidden: list[Json] = []

    def hide_once(_filter: Json, logs: list[Json]) -> list[Json]:
        if logs and not hidden:
            hidden.extend(logs)
            return []
        return logs

    # So calm that nothing else makes it look again.
    async with watching(through(bridge, origin, calm=60), tmp_path, only=[ALPHA], intervals=QUICK) as watch:
        await used(origin, alpha, watch)
        await origin.apply(Mute("logs"))
        origin.edit_logs = hide_once
        transfer = await bridge.xcall(alpha, beta)
        watch.observers[ALPHA].cover_past(Timestamp(transfer.timestamp))
        await alpha.set_block_timestamp(transfer.timestamp + 2)
        await alpha.mine()
        await watch.covers(ALPHA, transfer.block_number)
        assert hidden
        assert await watch.status(transfer) is Status.XCALLED


async def test_a_hole_in_the_nonces_is_fetched_from_the_other_endpoint(
    bridge: Devnet, origin: Proxy, second: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    setup = through(bridge, origin, second)
    async with watching(setup, tmp_path, only=[ALPHA], intervals=QUICK) as watch:
        await used(origin, alpha, watch)
        before = await bridge.xcall(alpha, beta)
        await watch.knows(before, Status.XCALLED)
        # Final, so that no event that is known says that the endpoint leaves something out.
        await alpha.mine(8)
        await mined_until(alpha, lambda: checkpoint(watch) >= before.block_number)
    # With no second look after the one at the start, only the nonce shows that something is missing.
    seldom = replace(QUICK, second_look=1e9)
    async with watching(setup, tmp_path, only=[ALPHA], intervals=seldom) as watch:
        await used(origin, alpha, watch)
        await forgetful(origin)
        missed = await bridge.xcall(alpha, beta)

        async def known() -> bool:
            return await watch.status(missed) is Status.XCALLED

        await mined_until(alpha, known)
        state = watch.observers[ALPHA].state
        await until(lambda: (state.holes_found, state.holes_closed) == (1, 1))
        nonces = await watch.store.chains.nonces(state.config.domain_id)
        assert nonces is not None
        assert nonces.complete
        await used(second, alpha, watch)


async def test_a_hole_is_known_while_it_lasts(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=[ALPHA], intervals=QUICK) as watch:
        await used(origin, alpha, watch)
        await forgetful(origin)
        origin.rules = [lambda method, _: {"result": None} if method == "eth_getBlockByHash" else None]
        missed = await bridge.xcall(alpha, beta)
        state = watch.observers[ALPHA].state
        await mined_until(alpha, lambda: state.holes_found == 1)
        nonces = await watch.store.chains.nonces(state.config.domain_id)
        assert nonces is not None
        assert not nonces.complete
        origin.edit_logs = None
        origin.rules = []
        await mined_until(alpha, lambda: state.holes_closed == 1)
        assert await watch.status(missed) is Status.XCALLED


async def test_a_hole_that_nobody_can_close_keeps_no_other_from_being_fetched(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=[ALPHA], intervals=QUICK) as watch:
        await used(origin, alpha, watch)
        nonce = await alpha.nonce()
        hidden = {nonce, nonce + 2}

        def hides(log: Json) -> bool:
            return len(log["topics"]) > 2 and int(log["topics"][2], 16) in hidden

        origin.edit_logs = lambda _filter, logs: [log for log in logs if not hides(log)]
        origin.edit_push = lambda feed, pushed: [] if feed == "logs" and hides(pushed) else [pushed]
        lasting, _, missed, last = [await bridge.xcall(alpha, beta) for _ in range(4)]
        # Final, so that only the look at the holes reads it again.
        await mined_until(alpha, lambda: checkpoint(watch) >= last.block_number)
        hidden.remove(nonce + 2)

        async def known() -> bool:
            return await watch.status(missed) is Status.XCALLED

        await mined_until(alpha, known)
        state = watch.observers[ALPHA].state
        await until(lambda: (state.holes_found, state.holes_closed) == (2, 1))
        assert await watch.status(lasting) is None


async def test_a_subscription_that_brings_heads_and_no_logs_is_replaced(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    impatient = replace(QUICK, late_push=0.2)
    async with watching(through(bridge, origin), tmp_path, only=[ALPHA], intervals=impatient) as watch:
        await used(origin, alpha, watch)
        before = origin.handshakes
        await origin.apply(Mute("logs"))
        await bridge.xcall(alpha, beta)
        await mined_until(alpha, lambda: origin.handshakes > before)


async def test_the_preferred_endpoint_is_used_again_once_it_works(
    bridge: Devnet, origin: Proxy, second: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, second), tmp_path, only=[ALPHA], intervals=QUICK) as watch:
        await used(origin, alpha, watch)
        await origin.stop()
        await used(second, alpha, watch)
        await origin.start()
        await mined_until(alpha, lambda: origin.subscribers == 2)
        await watch.knows(await bridge.xcall(alpha, beta), Status.XCALLED)


async def test_a_log_a_witness_makes_up_is_ruled_out_by_the_bloom(
    bridge: Devnet, origin: Proxy, second: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    shown: list[Json] = []

    def make_up(log_filter: Json, logs: list[Json]) -> list[Json]:
        if not shown or int(log_filter["fromBlock"], 16) > int(shown[0]["blockNumber"], 16):
            return logs
        second_asked.append(log_filter)
        return [*logs, *shown]

    second_asked: list[Json] = []
    async with watching(through(bridge, origin, second), tmp_path, only=[ALPHA], intervals=QUICK) as watch:
        await used(origin, alpha, watch)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        real = await alpha.rpc(
            "eth_getLogs",
            [{"address": alpha.contract, "fromBlock": hex(transfer.block_number), "toBlock": "latest"}],
        )
        await alpha.mine()
        empty = await alpha.rpc("eth_getBlockByNumber", ["latest", False])
        xcalled = next(log for log in real if log["topics"][1] == transfer.transfer_id)
        shown.append({**xcalled, "blockNumber": empty["number"], "blockHash": empty["hash"]})
        second.edit_logs = make_up
        await mined_until(alpha, lambda: len(second_asked) > 0)
        await watch.covers(ALPHA, await alpha.head())
        assert [block_hash for _, kind, block_hash in watch.records(transfer.transfer_id) if kind == "xcalled"] == [
            xcalled["blockHash"]
        ]
        assert origin.subscribers == 2


async def test_an_endpoint_that_answers_slowly_is_left_for_one_that_does_not(
    bridge: Devnet, origin: Proxy, second: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    setup = Setup(
        bridge.chains,
        {},
        endpoints={ALPHA: [origin.http_url, second.http_url]},
        unobserved_after="PT4S",
        execute="PT1H",
    )
    await origin.apply(Delay(0.3))
    async with watching(setup, tmp_path, only=[ALPHA], intervals=replace(QUICK, slow_answer=0.2)) as watch:
        # Only the endpoint in use is polled for heads.
        await mined_until(alpha, lambda: ["latest", False] in second.asked("eth_getBlockByNumber"))
        await watch.knows(await bridge.xcall(alpha, beta), Status.XCALLED)
