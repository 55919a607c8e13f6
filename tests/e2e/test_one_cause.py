"""One cause, one message: a bridge that is paused while transfers become late, on the real contracts."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.devnet import Devnet
from scripts.devnet.administration import pause, unpause
from tests.alerting.inhibited import LATE
from tests.alerting.markup import discord_literal
from tests.alerting.providers.discord.vendor import Discord
from tests.e2e.monitor import PATIENCE, Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 5


def messages(discord: Discord) -> Iterator[tuple[str, str | None]]:
    """Each message as it stands: its title, and what it says is late because of what it is about."""
    for message in discord.messages.values():
        (embed,) = message["embeds"]
        late = next((field["value"] for field in embed["fields"] if field["name"] == LATE), None)
        yield discord_literal(embed["title"]), late


async def config_with_chat(setup: Setup, discord: Discord, folder: Path) -> Path:
    config = await write_config(setup, folder)
    text = config.read_text(encoding="utf-8").replace("[alerts]", '[alerts]\ngroup_interval = "PT1S"', 1)
    chat = f'[alert_providers.ops]\ntype = "discord"\nwebhook_url = "{discord.url}"\n'
    config.write_text(text + chat, encoding="utf-8")
    return config


async def test_what_a_pause_makes_late_is_one_message_until_it_ends(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook, Discord(window=0.05) as discord:
        config = await config_with_chat(Setup((alpha, beta), {"machines": webhook}), discord, tmp_path)
        try:
            async with Monitor(config) as first:
                await first.ready()
                await pause(beta)
                paused = await webhook.gets("alert.opened", "bridge_paused", "beta")
                sent = await asyncio.gather(*(bridge.xcall(alpha, beta) for _ in range(MANY - 1)))
                counted = ("CRITICAL · Bridge paused: beta", f"{MANY - 1} transfers overdue for execution")
                await until(lambda: list(messages(discord)) == [counted], PATIENCE, lambda: first.said)
            async with Monitor(config) as second:
                await second.ready()
                sent.append(await bridge.xcall(alpha, beta))
                counted = ("CRITICAL · Bridge paused: beta", f"{MANY} transfers overdue for execution")
                await until(lambda: list(messages(discord)) == [counted], PATIENCE, lambda: second.said)
                for transfer in sent:
                    late = await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
                    assert late.alert["inhibited_by"] == paused.alert["id"]
                await unpause(beta)
                over = [
                    ("RESOLVED · Bridge unpaused: beta", None),
                    (f"CRITICAL · {MANY} transfers overdue for execution: alpha → beta", None),
                ]
                await until(lambda: list(messages(discord)) == over, PATIENCE, lambda: second.said)
                await bridge.execute_fast(sent[0])
                still = f"CRITICAL · {MANY - 1} of {MANY} transfers still overdue for execution: alpha → beta"
                await until(lambda: (still, None) in messages(discord), PATIENCE, lambda: second.said)
                ended = await webhook.gets("alert.resolved", "execute_overdue", sent[0].transfer_id)
                assert ended.alert["inhibited_by"] is None
        finally:
            if await beta.view(beta.contract, "bool", "paused()"):
                await unpause(beta)
