"""Beside watching: backups that a later restore goes on from, and reports that arrive with a picture."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.devnet import Devnet
from tests.alerting.providers.discord.vendor import Discord
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.processes import typed
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def command(config: Path, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, the JSON that it printed, and what it said, of a command typed beside the monitor."""
    ended = await typed(config, *arguments, "--json")
    return ended.code, json.loads(ended.printed) if ended.printed else None, ended.said


def reports(webhook: Receiver) -> list[Any]:
    return [received.body["data"]["report"] for received in webhook.received if received.change == "report.stats"]


async def test_backups_and_reports_of_a_running_monitor(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook, Discord() as discord:
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT2S", reports_every="PT5S")
        config = await write_config(setup, tmp_path)
        ops = f'[alert_providers.ops]\ntype = "discord"\nwebhook_url = "{discord.url}"\nmin_severity = "critical"'
        more = f'{ops}\nreports = true\n\n[backup]\nevery = "PT1S"\nkeep = 2\n'
        config.write_text(config.read_text(encoding="utf-8") + "\n" + more, encoding="utf-8")
        async with Monitor(config) as monitor:
            await monitor.ready()
            late = await bridge.xcall(alpha, beta)
            await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
            code, made, said = await command(config, "backup")
            assert (code, made and made["transfers"]) == (0, 1), said
            await until(lambda: len(monitor.events("backup.made")) >= 2, why=lambda: monitor.said)
            # A third one is there for the moment before the oldest gives way.
            await until(lambda: len(list((tmp_path / "backups").glob("*.db"))) <= 2)
            code, _, said = await command(config, "restore", made["file"])
            assert (code, "in use by another monitor" in said) == (1, True)
            await until(lambda: discord.files, why=lambda: monitor.said)
            await until(lambda: reports(webhook), why=lambda: monitor.said)
            [report, *_] = reports(webhook)
            assert report["total"].keys() >= {"begun", "completed_fast", "completed_slow", "late", "open"}
        # Only now does none of them give way to a newer one.
        copy = max((tmp_path / "backups").glob("*.db"))
        after = await bridge.xcall(alpha, beta)
        code, restored, said = await command(config, "restore", str(copy))
        assert (code, restored and restored["transfers"]) == (0, 1), said
        # To draw another report would show nothing new, and takes a processor a second.
        config.write_text(
            config.read_text(encoding="utf-8").replace('every = "PT5S"', 'every = "PT1H"'), encoding="utf-8"
        )
        async with Monitor(config) as again:
            # It reads what came after the copy, and knows what was before it.
            await again.knows(after, "XCalled")
            await webhook.gets("alert.opened", "execute_overdue", after.transfer_id)
            assert await again.state(late) == "overdue"
            again.terminate()
            assert await again.ended() == 0
    assert all(file.startswith(b"\x89PNG") for file in discord.files)
    assert Path(restored["kept_aside"]).exists()
