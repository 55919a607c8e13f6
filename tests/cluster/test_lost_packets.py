"""The network between the owner and its database loses all that is sent, one way, the other and both.

As with a machine whose cable is pulled, nothing is acknowledged and nothing is refused: the system itself has to give a
connection up. Each instance tells a receiver of its own, which shows who told what. Each cut comes while the owner is
telling something, and lasts until it has found out by itself, which stands for ten minutes of thirty seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from aiohttp import web

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.ownership import LeaseTimes
from scripts.devnet import Devnet
from tests.cluster.accounts import Auditor
from tests.cluster.instances import LEFT, RIGHT, Instances, write_configs
from tests.cluster.network import Network, NetworkRefusedError, network
from tests.cluster.notifications import Notifications
from tests.cluster.way import Cut, Way
from tests.e2e.monitor import PATIENCE
from tests.e2e.under_way import deliveries_under_way
from tests.e2e.webhook import Receiver
from tests.world import postgres
from tests.world.waiting import BOUND, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]

TIMES = LeaseTimes(takeover_after=4.0)
"""An owner may be silent for more than a busy machine makes it be."""
_GIVES_UP_WITHIN = 40.0
"""Seconds: far more than the ten after which the system gives up what is not acknowledged, and fewer than the 65 for
which an answer is waited for."""
_CUTS = [(Cut.THERE, LEFT, RIGHT), (Cut.BACK, RIGHT, LEFT), (Cut.BOTH, LEFT, RIGHT)]
"""Each with who owns the work then, and who is to take it over."""


class OwnReceiver(Receiver):
    """The receiver of one instance, which notes in that of ``everybody`` too; ``ready`` says whether it takes anything.

    What it does not take it takes later, where whoever sent it still waits for an answer.
    """

    def __init__(self, everybody: Receiver) -> None:
        super().__init__()
        self.ready = asyncio.Event()
        self.ready.set()
        self.held_up = 0
        self._everybody = everybody

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.held_up += not self.ready.is_set()
        await self.ready.wait()
        response = await super().take(request)
        self._everybody.received.append(self.received[-1])
        return response


@dataclass(frozen=True, slots=True)
class Scene:
    """Two instances, the network between them and the database, and whom and what each of them tells."""

    instances: Instances
    network: Network
    told_by: dict[str, OwnReceiver]
    notified: Notifications
    everybody: Receiver
    url: DatabaseUrl

    def count(self, name: str, event: str) -> int:
        """How often this instance has said it since it was started."""
        return len(self.instances[name].events(event))

    async def says(self, name: str, event: str, after: int, within: float = BOUND) -> None:
        """Wait until this instance says it once more than so often."""
        await until(lambda: self.count(name, event) > after, within, lambda: self.instances.said)

    def last_told(self, name: str) -> float:
        """When this one told something last (Unix seconds), but that it cannot use the database."""
        return max((body.at for body in self.notified.of_work(name)), default=0.0)

    def last_beat(self, name: str) -> float:
        """When the database heard of this one last, by the same clock."""
        with closing(psycopg.connect(self.url.get_secret_value())) as connection:
            [(at,)] = connection.execute("SELECT seen_ms FROM instances WHERE name = %s", [name])
        return float(at) / 1000


@pytest.fixture
def ways() -> Iterator[Network]:
    try:
        with network((LEFT, RIGHT)) as made:
            yield made
    except NetworkRefusedError as error:
        pytest.skip(f"no network of its own can be made here: {error}")


@asynccontextmanager
async def scene(
    bridge: Devnet, server: postgres.Server, url: DatabaseUrl, ways: Network, folder: Path
) -> AsyncIterator[Scene]:
    """Once the one on the left owns the work, and the other one stands by."""
    everybody = Receiver()
    async with AsyncExitStack() as stack:
        told_by = {name: await stack.enter_async_context(OwnReceiver(everybody)) for name in (LEFT, RIGHT)}
        configs = await write_configs(bridge.chains, told_by[RIGHT], folder, takeover=TIMES.takeover_after)
        for name, config in configs.items():
            way = await stack.enter_async_context(Way(server.folder / ".s.PGSQL.5432", ways.listening(name)))
            text = config.read_text(encoding="utf-8").replace(told_by[RIGHT].url, told_by[name].url)
            config.write_text(text.replace("${DATABASE_URL}", way.url(url).get_secret_value()), encoding="utf-8")
        instances = await stack.enter_async_context(Instances(configs, ways.before))
        await instances.owns(LEFT)
        await instances.stands_by(RIGHT)
        yield Scene(instances, ways, told_by, Notifications(instances, told_by), everybody, url)
        # Whoever ends them else would ask their database first, by a network that this process is not in.
        for name in (LEFT, RIGHT):
            await instances.kill(name)


async def _cut_off(it: Scene, bridge: Devnet, cut: Cut, owner: str, other: str) -> None:
    """One cut, from before it until all is well again."""
    alpha, beta = bridge.chains
    telling = it.told_by[owner]
    taken, lost = it.count(other, "work.taken"), it.count(owner, "work.lost")
    stood, held_up = it.count(owner, "instance.stands_by"), telling.held_up
    await until(lambda: not deliveries_under_way(it.url), PATIENCE)
    telling.ready.clear()
    before = await bridge.xcall(alpha, beta)
    await until(lambda: telling.held_up > held_up, PATIENCE, lambda: it.instances.said)
    await asyncio.to_thread(it.network.cut, owner, cut)
    meanwhile = await bridge.xcall(alpha, beta)
    await it.says(other, "work.taken", taken)
    telling.ready.set()
    await it.notified.tells(other, "opened", before)
    await it.notified.tells(other, "opened", meanwhile)
    await bridge.execute_fast(before)
    await it.notified.tells(other, "resolved", before)
    # By itself, while the way is still cut.
    await it.says(owner, "work.lost", lost, _GIVES_UP_WITHIN)
    heard_last = it.last_beat(owner)
    await asyncio.to_thread(it.network.cut, owner, Cut.NONE)
    await it.says(owner, "instance.stands_by", stood)
    await it.instances[owner].ready()
    await it.instances[owner].knows(meanwhile, "XCalled")
    await bridge.execute_fast(meanwhile)
    await it.notified.tells(other, "resolved", meanwhile)
    for transfer in (before, meanwhile):
        assert it.notified.about(transfer) == [(other, "alert.opened"), (other, "alert.resolved")]
    assert it.last_told(owner) <= heard_last + TIMES.sends_for + TIMES.send_within


async def test_whichever_way_the_network_loses_packets_the_work_goes_on(
    bridge: Devnet, server: postgres.Server, url: DatabaseUrl, ways: Network, tmp_path: Path
) -> None:
    async with scene(bridge, server, url, ways, tmp_path) as it:
        auditor = await Auditor.beginning(bridge, it.everybody)
        for cut, owner, other in _CUTS:
            await _cut_off(it, bridge, cut, owner, other)
        account = await auditor.settled(url, lambda: it.instances.said)
        assert [it.instances[name].exit_code for name in (LEFT, RIGHT)] == [None, None]
        assert it.instances.count("monitor.started") == 1 + len(_CUTS)
    assert len(account.doubled) <= len(_CUTS)
