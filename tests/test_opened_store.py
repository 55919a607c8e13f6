"""What of the config the store is opened with."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from connext_monitor.assembly.opened_store import StoreOpening
from connext_monitor.assembly.outside import Outside
from connext_monitor.clock import SystemClock
from connext_monitor.config.rules import no_deadlines
from connext_monitor.core.alerts.delivery_action import ActionReason, SendGroup
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.grouping import GroupRules, next_action
from connext_monitor.core.delivery import Change
from connext_monitor.core.labels import ChainLabels
from connext_monitor.store.store import Store
from connext_monitor.store.turn import GuestTurn
from tests.config.configs import CHAIN, load
from tests.store.grouped import LATER, form, late, look
from tests.world.databases import open_store
from tests.world.recording import NAMES


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("fast", 1)])
async def test_commits_are_as_durable_as_the_config_says(tmp_path: Path, durability: str, synchronous: int) -> None:
    config = load(tmp_path / "config.toml", f'[monitor]\ndurability = "{durability}"\n{CHAIN}')
    opening = StoreOpening(config, {}, [], ChainLabels({}), SystemClock(), Outside())
    async with AsyncExitStack() as stack:
        store = await opening.open(stack, no_deadlines, {})
        (value,) = await store.database.write(lambda connection: connection.run("PRAGMA synchronous").fetchone())
    assert value == synchronous


@pytest.mark.parametrize("of_a_term", [True, False])
async def test_a_new_term_writes_again_what_another_one_may_have_told(tmp_path: Path, of_a_term: bool) -> None:
    file = tmp_path / "monitor.db"
    store = await open_store(file, NAMES)
    await late(store)
    group_id = await form(store)
    await store.outbox.group_sent(await store.outbox.digest(group_id), Change.OPENED, "m1", LATER)
    await store.close()
    config = load(tmp_path / "config.toml", f'monitor.database = "{file}"\n{CHAIN}')
    turn = GuestTurn() if of_a_term else None
    opening = StoreOpening(config, NAMES, [], ChainLabels({}), SystemClock(), Outside(), turn)
    async with AsyncExitStack() as stack:
        again = await writes_again(await opening.open(stack, no_deadlines, {}), group_id)
    assert again is of_a_term


async def writes_again(store: Store, group_id: int) -> bool:
    action = next_action(
        await look(store), DigestMode.CHANGING_DIGEST, GroupRules(wait=1.0, interval=5.0), LATER.timestamp() + 6.0
    )
    return action == SendGroup(group_id, Change.CHANGED, ActionReason.CHANGED)
