"""Promise 1 and 2: whatever the endpoint does, what happened on the chain is recorded."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connext_monitor.core.transfer import Status
from connext_monitor.monitoring.json_rpc import RpcLimits
from scripts.devnet import Devnet
from tests.e2e.monitor import Setup
from tests.faults.faults import Drop, Freeze, Mute, Oversize, RangeLimit, RefuseHandshake
from tests.faults.hooks import Json, refusal
from tests.faults.proxy import Proxy
from tests.faults.watching import Watch, watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def through(bridge: Devnet, origin: Proxy, *more: str, calm: int = 60) -> Setup:
    """Both chains, alpha through its proxy; ``calm`` seconds between two covers that nothing asks for."""
    endpoints = {"alpha": [origin.ws_url, *more]}
    return Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after=f"PT{2 * calm}S", execute="PT1H")


async def subscribed(bridge: Devnet, proxy: Proxy, watch: Watch) -> None:
    """Wait until the pushes of alpha are followed and its first block is covered: nothing asks for a cover then."""
    alpha = bridge.chain("alpha")
    await until(lambda: proxy.subscribers == 2)
    await alpha.mine()
    await watch.covers("alpha", await alpha.head())


async def test_a_pushed_event_is_recorded_at_once(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await subscribed(bridge, origin, watch)
        asked = len(origin.asked("eth_getLogs"))
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        assert len(origin.asked("eth_getLogs")) == asked


async def test_without_any_pushes_of_logs_the_calm_cover_finds_them(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    await origin.apply(Mute("logs"))
    async with watching(through(bridge, origin, calm=2), tmp_path, only=["alpha"]) as watch:
        await subscribed(bridge, origin, watch)
        before = origin.handshakes
        transfer = await bridge.xcall(alpha, beta)

        async def known() -> bool:
            # Heads go on, so that it is no reconnect that finds it.
            await alpha.mine()
            return await watch.status(transfer) is Status.XCALLED

        await until(known)
        assert origin.handshakes == before


async def test_what_happens_during_a_disconnect_is_recorded_after_it(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await subscribed(bridge, origin, watch)
        await origin.apply(RefuseHandshake(503), Drop())
        await until(lambda: origin.refused > 0)
        transfer = await bridge.xcall(alpha, beta)
        await origin.lift()
        await watch.knows(transfer, Status.XCALLED)


async def test_a_vendor_that_allows_ten_blocks_is_read_to_the_head(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    setup = through(bridge, origin)
    async with watching(setup, tmp_path, only=["alpha"]):
        pass  # only writes the config, so that the history below is after its first block
    transfers = []
    for _ in range(4):
        transfers.append(await bridge.xcall(alpha, beta))
        await alpha.mine(9)
    async with origin.suffering(RangeLimit("limited to", 10)), watching(setup, tmp_path, only=["alpha"]) as watch:
        for transfer in transfers:
            await watch.knows(transfer, Status.XCALLED)
        await watch.covers("alpha", await alpha.head())
    assert len(origin.asked("eth_getLogs")) >= 5


async def test_a_rate_limited_endpoint_is_read_when_it_allows(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    refusals = 3

    def busy(method: str, _params: list[object]) -> Json | None:
        nonlocal refusals
        if method != "eth_getLogs" or refusals == 0:
            return None
        refusals -= 1
        return refusal(-32005, "daily request count exceeded, request rate limited")

    setup = through(bridge, origin)
    await origin.apply(Mute("logs"))
    with origin.ruled(busy):
        async with watching(setup, tmp_path, only=["alpha"]) as watch:
            transfer = await bridge.xcall(alpha, beta)
            await watch.knows(transfer, Status.XCALLED)
    assert refusals == 0


async def test_a_429_handshake_is_not_fatal(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    await origin.apply(RefuseHandshake(429, retry_after=1))
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await until(lambda: origin.refused >= 2)
        transfer = await bridge.xcall(alpha, beta)
        await origin.lift()
        await watch.knows(transfer, Status.XCALLED)


async def test_a_half_open_socket_is_replaced_before_its_requests_time_out(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    patient = RpcLimits(answer_timeout=3600.0)
    async with watching(through(bridge, origin, calm=4), tmp_path, only=["alpha"], limits=patient) as watch:
        await subscribed(bridge, origin, watch)
        before = origin.handshakes
        await origin.apply(Freeze())
        transfer = await bridge.xcall(alpha, beta)
        await until(lambda: origin.handshakes > before)
        await origin.lift()
        await watch.knows(transfer, Status.XCALLED)


async def test_the_second_endpoint_takes_over_without_a_gap(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, alpha.ws_url), tmp_path, only=["alpha"]) as watch:
        await subscribed(bridge, origin, watch)
        transfer = await bridge.xcall(alpha, beta)
        await origin.stop()
        meanwhile = await bridge.xcall(alpha, beta)
        for each in (transfer, meanwhile):
            await watch.knows(each, Status.XCALLED)
        afterwards = await bridge.xcall(alpha, beta)
        await watch.knows(afterwards, Status.XCALLED)


async def test_an_endpoint_of_another_chain_is_refused_and_the_next_used(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with Proxy(alpha.http_url) as second:
        await second.apply(RefuseHandshake(503))
        with origin.ruled(lambda method, _: {"result": "0x1"} if method == "eth_chainId" else None):
            chains = through(bridge, origin, second.ws_url)
            with capture_logs() as lines:
                async with watching(chains, tmp_path, only=["alpha"]) as watch:
                    await until(lambda: any("serves chain id 1, not 31337" in line.get("reason", "") for line in lines))
                    await second.lift()
                    await watch.knows(await bridge.xcall(alpha, beta), Status.XCALLED)


async def test_over_http_too_what_happens_while_it_is_down_is_recorded_after(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    setup = Setup(bridge.chains, {}, endpoints={"alpha": [origin.http_url]}, execute="PT1H")
    async with watching(setup, tmp_path, only=["alpha"]) as watch:
        await until(lambda: watch.observers["alpha"].state.caught_up)
        await origin.apply(RefuseHandshake(503))
        await until(lambda: origin.refused > 0)
        transfer = await bridge.xcall(alpha, beta)
        await origin.lift()
        await watch.knows(transfer, Status.XCALLED)


async def test_a_range_whose_answer_is_too_large_is_asked_for_in_parts(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    setup = Setup(bridge.chains, {}, endpoints={"alpha": [origin.ws_url]}, unobserved_after="PT2M", execute="PT1H")
    async with watching(setup, tmp_path, only=["alpha"]):
        pass
    transfer = await bridge.xcall(alpha, beta)
    await alpha.mine(20)
    limits = RpcLimits(answer_bytes=2**18)
    async with (
        origin.suffering(Oversize(2**19, over=4)),
        watching(setup, tmp_path, only=["alpha"], limits=limits) as watch,
    ):
        await watch.knows(transfer, Status.XCALLED)
