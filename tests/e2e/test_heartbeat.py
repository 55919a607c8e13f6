"""The heartbeat of the real program: there while both chains are seen, away while one is not."""

from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.switch import Switch
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_heartbeat_stops_while_a_chain_is_unobserved(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Switch() as switch:
        config = await write_config(Setup((alpha, beta), {}, unobserved_after="PT3S"), tmp_path)
        with config.open("a", encoding="utf-8") as file:
            file.write(f'\n[heartbeat]\nurl = "{switch.base}/ping"\nevery = "PT0.5S"\n')
        async with Monitor(config) as monitor:
            await monitor.ready()
            await until(lambda: len(switch.seen) >= 2)
            beta.freeze()
            try:
                await until(lambda: switch.silent_for() > 3)
            finally:
                beta.thaw()
            await until(lambda: switch.silent_for() < 1)
