"""``alerts silence`` beside a running monitor: quiet at once, and told at the end."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import ROOT, Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def typed(config: Path, *words: str) -> tuple[int | None, str]:
    """What a command prints, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connext_monitor", "--config", str(config), "alerts", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_a_silenced_pathway_is_delivered_at_the_end(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}, execute="PT4S"), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            quiet, loud = await asyncio.gather(bridge.xcall(alpha, beta), bridge.xcall(beta, alpha))
            code, said = await typed(config, "silence", "--for", "PT1H", "--origin", "alpha", "--json")
            assert code == 0
            number = json.loads(said)["id"]
            await webhook.gets("alert.opened", "execute_overdue", loud.transfer_id)

            async def is_open() -> bool:
                return ("execute_overdue", quiet.transfer_id) in {alert[:2] for alert in await monitor.alerts()}

            await until(is_open)
            assert {subject for _, _, subject in webhook.whats()} == {loud.transfer_id}
            code, said = await typed(config, "silences", "--json")
            items: list[Any] = json.loads(said)["items"]
            assert [(silence["id"], silence["origin"]) for silence in items] == [(number, "alpha")]
            assert await typed(config, "unsilence", str(number)) == (0, "")
            await webhook.gets("alert.opened", "execute_overdue", quiet.transfer_id)
            code, _ = await typed(config, "ack", f"execute_overdue:{quiet.transfer_id}", "--for", "PT1H")
            assert code == 0
            code, _ = await typed(config, "ack", "nothing", "--for", "PT1H")
            assert code == 1
            code, _ = await typed(config, "silence", "--for", "an hour")
            assert code == 2
            code, said = await typed(config, "--state", "open")
            assert code == 0
            assert quiet.transfer_id in said
