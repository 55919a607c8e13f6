"""Instances whose clocks are ten minutes off, one ahead, one behind, take the work over and are replaced as any other.

Nobody compares it with another's, and what is late goes by the chains' block times: a clock that were believed would
have the one ahead of time take over from a living owner, and the one behind it in ten minutes.
"""

from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.alerting.providers.discord.vendor import Discord
from tests.cluster.accounts import Auditor
from tests.cluster.instances import LEFT, RIGHT, Instances, write_configs
from tests.e2e.monitor import PATIENCE
from tests.e2e.webhook import Receiver

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]

_OFF = {LEFT: 600.0, RIGHT: -600.0}
"""By how many seconds each one's clock is ahead."""
_SILENT_FOR = 6.0
"""Seconds that an owner may be silent: more than a busy machine makes it be."""


async def ahead_as_listed(instances: Instances) -> dict[str, float]:
    """By how much each one's clock is ahead, as the one on the right says it."""
    _, listed = await instances[RIGHT].get("/api/v1/instances")
    return {each["name"]: each["clock_ahead_seconds"] for each in listed["items"]}


async def test_clocks_ten_minutes_off_change_nothing_at_a_takeover(
    bridge: Devnet, url: DatabaseUrl, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with Receiver() as webhook, Discord(window=0.05) as discord:
        auditor = await Auditor.beginning(bridge, webhook, discord)
        configs = await write_configs(bridge.chains, webhook, tmp_path, discord, takeover=_SILENT_FOR)
        async with Instances(configs, skews=_OFF) as instances:
            assert await ahead_as_listed(instances) == pytest.approx(_OFF, abs=PATIENCE)
            for owner, other in ((LEFT, RIGHT), (RIGHT, LEFT)):
                in_time, late = [await bridge.xcall(alpha, beta) for _ in range(2)]
                await bridge.execute_fast(in_time)
                opened = await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
                await instances.kill(owner)
                meanwhile = await bridge.xcall(beta, alpha)
                await bridge.execute_fast(late)
                await instances.owns(other)
                await webhook.gets("alert.opened", "execute_overdue", meanwhile.transfer_id)
                resolved = await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
                assert resolved.alert["id"] == opened.alert["id"]
                await instances.start(owner)
                await instances.stands_by(owner)
            account = await auditor.settled(url, lambda: instances.said)
            assert await ahead_as_listed(instances) == pytest.approx(_OFF, abs=PATIENCE)
            terms, failed = instances.count("work.taken"), instances.count("alert.postponed")
            assert instances.reasons("work.lost") == []
    assert terms == 3
    assert max(len(account.doubled), len(account.orphans)) <= terms + failed
