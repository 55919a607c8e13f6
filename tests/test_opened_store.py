"""What of the config the store is opened with."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from connext_monitor.assembly.opened_store import StoreOpening
from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import SystemClock
from connext_monitor.config.rules import no_deadlines
from connext_monitor.core.labels import ChainLabels
from tests.config.configs import CHAIN, load


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("fast", 1)])
async def test_commits_are_as_durable_as_the_config_says(tmp_path: Path, durability: str, synchronous: int) -> None:
    config = load(tmp_path / "config.toml", f'[monitor]\ndurability = "{durability}"\n{CHAIN}')
    opening = StoreOpening(config, {}, [], ChainLabels({}), SystemClock(), Outside())
    async with AsyncExitStack() as stack:
        store = await opening.open(stack, no_deadlines, {})
        (value,) = await store.database.write(lambda connection: connection.run("PRAGMA synchronous").fetchone())
    assert value == synchronous
