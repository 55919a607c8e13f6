"""A bridge that is paused, and one whose rights change, on the real contracts."""

from pathlib import Path

import pytest

from scripts.devnet import Devnet
from scripts.devnet.administration import add_sequencer, pause, remove_sequencer, unpause
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.processes import typed

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOMEBODY = "0x" + "5e" * 20


async def test_a_pause_and_a_change_of_rights_are_told_and_end(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            added = await add_sequencer(alpha, SOMEBODY)
            changed = await webhook.gets("alert.opened", "bridge_changed", "alpha")
            assert SOMEBODY[2:] in changed.alert["text"].lower()
            alert_id = f"bridge_changed:alpha:{added.tx_hash}"
            assert (changed.alert["id"], changed.alert["severity"]) == (alert_id, "warning")
            await typed(config, "alerts", "ack", alert_id, "--for", "PT1H")
            ended = await webhook.gets("alert.resolved", "bridge_changed", "alpha")
            assert ended.alert["resolution"] == "acknowledged"
            try:
                await pause(beta)
                await webhook.gets("alert.opened", "bridge_paused", "beta")
            finally:
                await unpause(beta)
            ended = await webhook.gets("alert.resolved", "bridge_paused", "beta")
            assert ended.alert["resolution"] == "unpaused"
    await remove_sequencer(alpha, SOMEBODY)
