"""A channel that refuses for good: the others hear of it, and what it missed comes when it is mended."""

from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.alerting.providers.webhook.vendor import Receiver as Stranger
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_neither_a_proxys_page_nor_a_long_retry_after_kills_a_channel(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Stranger() as desk:
        desk.plan(403, b"<!DOCTYPE html><title>Access denied</title>")
        desk.plan(404)
        set_up = Setup((alpha, beta), {"desk": desk}, execute="PT1S")
        async with Monitor(await write_config(set_up, tmp_path)) as monitor:
            await monitor.ready()
            late = await bridge.xcall(alpha, beta)
            await until(lambda: desk.taken)
            assert desk.taken[0]["data"]["alert"]["subject"] == late.transfer_id
            assert len(desk.seen) == 3
            desk.plan(429, b"", {"Retry-After": "315360000"})
            await bridge.xcall(beta, alpha)
            await until(lambda: monitor.events("alert.postponed")[2:])
            (_, _, asked) = monitor.events("alert.postponed")
            assert "and asks to wait until 20" in asked["reason"]
            assert asked["reason"].endswith("; it is tried within an hour all the same")
            assert asked["next_in"] == 3600.0


async def test_a_dead_channel_is_told_on_another_and_its_recovery_too(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as well, Stranger() as refusing, Receiver() as mended:
        refusing.plan(410)
        broken = Setup((alpha, beta), {"well": well, "desk": refusing}, execute="PT1S")
        async with Monitor(await write_config(broken, tmp_path)) as monitor:
            await monitor.ready()
            late = await bridge.xcall(alpha, beta)
            await well.gets("alert.opened", "execute_overdue", late.transfer_id)
            await well.gets("alert.opened", "provider_failing", "desk")
            await until(lambda: refusing.seen)
        assert refusing.taken == []
        repaired = Setup((alpha, beta), {"well": well, "desk": mended}, execute="PT1S")
        async with Monitor(await write_config(repaired, tmp_path)):
            await mended.gets("alert.opened", "execute_overdue", late.transfer_id)
            await well.gets("alert.resolved", "provider_failing", "desk")
            assert not any(kind == "provider_failing" for _, kind, _ in mended.whats())
