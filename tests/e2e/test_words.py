"""What a person reads of a late transfer: the amount by the token's own name, asked of the chain."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.alerting.providers.telegram.vendor import Telegram
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def has_messages(telegram: Telegram, messages: int) -> bool:
    return len(telegram.messages) >= messages


async def test_an_alert_names_the_tokens_symbol_also_after_a_restart(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    symbol = await alpha.view(alpha.token, "string", "symbol()")
    async with Telegram() as telegram:
        config = await write_config(Setup((alpha, beta), {}, execute="PT1S"), tmp_path)
        with config.open("a", encoding="utf-8") as file:
            file.write(
                f'\n[alert_providers.phone]\ntype = "telegram"\ntoken = "{telegram.TOKEN}"\n'
                f'chat_id = "{telegram.CHAT}"\napi_url = {json.dumps(telegram.base)}\n'
            )
        for round_ in (1, 2):
            async with Monitor(config) as monitor:
                await monitor.ready()
                await asyncio.gather(bridge.xcall(alpha, beta, amount=25 * 10**17))
                await until(partial(has_messages, telegram, round_))
            assert f"Amount: <code>2.5 {symbol} (token 0x" in telegram.messages[round_]["text"]
