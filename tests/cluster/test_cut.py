"""The owner's way to the database is cut: the other one takes the work over, and the way back makes it a standby.

The cut lasts for several times as long as an owner may be silent, which stands for ten minutes of thirty seconds. Each
instance tells a receiver of its own, which shows who told what. Where a network of its own can be made, the ways
cut there (`test_lost_packets`) are left out here but for one: there what is sent meanwhile is lost, here it arrives.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.cluster.instances import LEFT, RIGHT, Instances, write_configs
from tests.cluster.network import can_be_made
from tests.cluster.notifications import Notifications
from tests.cluster.way import Cut, Way
from tests.e2e.monitor import PATIENCE
from tests.e2e.under_way import deliveries_under_way
from tests.e2e.webhook import Receiver
from tests.world import postgres
from tests.world.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]

_SILENT_FOR = 4.0
"""Seconds that an owner may be silent: more than a busy machine makes it be."""
_CUT_FOR = 5 * _SILENT_FOR


@dataclass(frozen=True, slots=True)
class Scene:
    """Two instances, the way of the one that owns the work to the database, and what each of them tells."""

    instances: Instances
    way: Way
    notified: Notifications

    async def stands_by_again(self, name: str) -> None:
        """Wait until this instance has found out that the work is another's, and waits for it."""
        owned = self.instances[name]
        await until(lambda: owned.events("work.lost"), PATIENCE, lambda: self.instances.said)
        lost = owned.lines.index(next(line for line in owned.lines if "work.lost" in line))
        stands_by = '"instance.stands_by"'
        await until(lambda: stands_by in "".join(owned.lines[lost:]), PATIENCE, lambda: self.instances.said)
        assert owned.exit_code is None


@asynccontextmanager
async def scene(bridge: Devnet, server: postgres.Server, url: DatabaseUrl, folder: Path) -> AsyncIterator[Scene]:
    """Once the one on the left owns the work."""
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(Way(server.folder / ".s.PGSQL.5432"))
        receivers = {name: await stack.enter_async_context(Receiver()) for name in (LEFT, RIGHT)}
        configs = await write_configs(bridge.chains, receivers[RIGHT], folder, takeover=_SILENT_FOR)
        text = configs[LEFT].read_text(encoding="utf-8").replace(receivers[RIGHT].url, receivers[LEFT].url)
        own_url = way.url(url).get_secret_value()
        configs[LEFT].write_text(text.replace("${DATABASE_URL}", own_url), encoding="utf-8")
        instances = await stack.enter_async_context(Instances(configs))
        await instances.owns(LEFT)
        yield Scene(instances, way, Notifications(instances, receivers))
        # Whoever ends it else would ask its database first, by the way that is this very process.
        await instances.kill(LEFT)


@pytest.mark.parametrize("cut", [Cut.THERE, Cut.BACK, Cut.BOTH], ids=["there", "back", "both"])
async def test_an_owner_that_is_cut_off_is_replaced_and_stands_by_afterwards(
    bridge: Devnet, server: postgres.Server, url: DatabaseUrl, tmp_path: Path, cut: Cut
) -> None:
    if cut is not Cut.THERE and can_be_made():
        pytest.skip("test_lost_packets cuts this way, in a network of its own")
    alpha, beta = bridge.chains
    async with scene(bridge, server, url, tmp_path) as it:
        before = await bridge.xcall(alpha, beta)
        await it.notified.tells(LEFT, "opened", before)
        await until(lambda: not deliveries_under_way(url))
        it.way.cut(cut)
        lasts = asyncio.create_task(asyncio.sleep(_CUT_FOR))
        meanwhile = await bridge.xcall(alpha, beta)
        await it.instances.owns(RIGHT)
        by_the_owner = it.notified.of_work(LEFT)
        await it.notified.tells(RIGHT, "opened", meanwhile)
        await bridge.execute_fast(before)
        await it.notified.tells(RIGHT, "resolved", before)
        await lasts
        it.way.mend(broken=cut is Cut.BOTH)
        await it.stands_by_again(LEFT)
        await it.instances[LEFT].ready()
        await it.instances[LEFT].knows(meanwhile, "XCalled")
        assert it.notified.of_work(LEFT) == by_the_owner
        it.instances[RIGHT].terminate()
        await bridge.execute_fast(meanwhile)
        await it.notified.tells(LEFT, "resolved", meanwhile)
        assert it.notified.about(before) == [(LEFT, "alert.opened"), (RIGHT, "alert.resolved")]
        assert it.notified.about(meanwhile) == [(LEFT, "alert.resolved"), (RIGHT, "alert.opened")]


async def test_an_owner_whose_beats_alone_are_held_up_sends_nothing(
    bridge: Devnet, server: postgres.Server, url: DatabaseUrl, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    async with scene(bridge, server, url, tmp_path) as it:
        # So that it goes on being the owner, which reads and writes.
        await it.instances[RIGHT].stop()
        it.way.cut(Cut.BOTH, lambda flow: flow.beats)
        late = await bridge.xcall(alpha, beta)
        accused = ("execute_overdue", late.transfer_id, "open")
        await until(lambda: _is_in(accused, it.instances[LEFT].alerts()), PATIENCE, lambda: it.instances.said)
        await asyncio.sleep(_SILENT_FOR)
        assert it.notified.about(late) == []
        it.instances[RIGHT].go_on()
        await it.notified.tells(RIGHT, "opened", late)
        it.way.mend(broken=False)
        await it.stands_by_again(LEFT)
        assert it.notified.about(late) == [(RIGHT, "alert.opened")]


async def _is_in(accused: object, asked: Awaitable[Sequence[object]]) -> bool:
    return accused in await asked
