"""``alerts silence`` beside a running monitor: quiet at once, and told at the end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.processes import typed
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_silenced_pathway_is_delivered_at_the_end(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}, execute="PT1S"), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            code, said, _ = await typed(config, "alerts", "silence", "--for", "PT1H", "--origin", "alpha", "--json")
            assert code == 0
            number = json.loads(said)["id"]
            quiet, loud = await asyncio.gather(bridge.xcall(alpha, beta), bridge.xcall(beta, alpha))
            await webhook.gets("alert.opened", "execute_overdue", loud.transfer_id)

            async def is_open() -> bool:
                return ("execute_overdue", quiet.transfer_id) in {alert[:2] for alert in await monitor.alerts()}

            await until(is_open)
            assert {subject for _, _, subject in webhook.whats()} == {loud.transfer_id}
            code, said, _ = await typed(config, "alerts", "silences", "--json")
            items: list[Any] = json.loads(said)["items"]
            assert [(silence["id"], silence["origin"]) for silence in items] == [(number, "alpha")]
            assert await typed(config, "alerts", "unsilence", str(number)) == (0, "", f"silence {number} has ended\n")
            await webhook.gets("alert.opened", "execute_overdue", quiet.transfer_id)
            code, *_ = await typed(config, "alerts", "ack", f"execute_overdue:{quiet.transfer_id}", "--for", "PT1H")
            assert code == 0
            code, *_ = await typed(config, "alerts", "ack", "nothing", "--for", "PT1H")
            assert code == 1
            code, *_ = await typed(config, "alerts", "silence", "--for", "an hour")
            assert code == 2
            code, said, _ = await typed(config, "alerts", "--state", "open")
            assert code == 0
            assert quiet.transfer_id in said
