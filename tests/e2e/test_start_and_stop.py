"""How the program starts, refuses to start, and stops; a monitor that is alone is `python -m connext_monitor`."""

from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_sigterm_stops_it_despite_a_hanging_webhook_and_endpoint(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, gamma = bridge.chains
    async with Receiver() as webhook:
        webhook.hanging = True
        setup = Setup(bridge.chains, {"machines": webhook}, execute="PT1S")
        async with Monitor(await write_config(setup, tmp_path), cold=True) as monitor:
            await monitor.ready()
            await bridge.xcall(alpha, beta)
            await until(lambda: webhook.asked > 0)
            gamma.freeze()
            try:
                monitor.terminate()
                code = await monitor.ended()
            finally:
                gamma.thaw()
            assert code == 0
            assert "Traceback" not in monitor.said


async def test_an_alert_under_way_at_the_stop_is_sent_after_the_restart(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}, execute="PT1S"), tmp_path)
        webhook.hanging = True
        async with Monitor(config) as first:
            transfer = await bridge.xcall(alpha, beta)
            await until(lambda: webhook.asked > 0)
            first.terminate()
            await first.ended()
        webhook.hanging = False
        async with Monitor(config):
            await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)


async def test_a_second_monitor_on_the_same_database_is_refused_with_words(bridge: Devnet, tmp_path: Path) -> None:
    config = await write_config(Setup(bridge.chains[:2], {}), tmp_path)
    async with Monitor(config) as first:
        await first.ready()
        async with Monitor(config) as second:
            code = await second.ended()
        assert code == 1
        assert "is in use by another monitor" in second.said
        assert "Traceback" not in second.said
        assert (await first.get("/healthz"))[0] == 200


async def test_a_wrong_config_is_refused_with_its_key_and_exit_code_2(bridge: Devnet, tmp_path: Path) -> None:
    config = await write_config(Setup(bridge.chains[:2], {}), tmp_path)
    config.write_text(config.read_text().replace("execute_deadline", "execute_dedline"))
    async with Monitor(config, cold=True) as monitor:
        code = await monitor.ended()
    assert code == 2
    assert "alerts.execute_dedline" in monitor.said
    assert "Traceback" not in monitor.said
