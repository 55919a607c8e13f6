"""Two instances of which one loses its way to a chain: the work goes to the one that sees it, and to no other."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import PATIENCE, Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]


@dataclass(frozen=True, slots=True)
class Pair:
    """The owner of the work and the one that stands by, each with its own way to alpha."""

    owner: Monitor
    other: Monitor
    way_of_owner: Proxy
    way_of_other: Proxy


@asynccontextmanager
async def pair(bridge: Devnet, webhook: Receiver, folder: Path, unobserved_after: str) -> AsyncIterator[Pair]:
    alpha, beta = bridge.chains
    async with AsyncExitStack() as stack:
        monitors: list[Monitor] = []
        ways: list[Proxy] = []
        for name in ("left", "right"):
            ways.append(await stack.enter_async_context(Proxy(alpha.http_url)))
            (folder / name).mkdir()
            setup = Setup(
                (alpha, beta),
                {"machines": webhook},
                execute="PT4S",
                endpoints={"alpha": [ways[-1].ws_url]},
                start_blocks={"alpha": 1, "beta": 1},
                unobserved_after=unobserved_after,
                database="${DATABASE_URL}",
                takeover_after="PT6S",
            )
            file = await write_config(setup, folder / name)
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("[cluster]", f'[cluster]\nname = "{name}"'), encoding="utf-8")
            monitors.append(await stack.enter_async_context(Monitor(file)))
            await monitors[-1].ready()
        yield Pair(monitors[0], monitors[1], ways[0], ways[1])


async def seen_by(monitor: Monitor) -> dict[str, list[str] | None]:
    _, listed = await monitor.get("/api/v1/instances")
    return {each["name"]: each["sees"] for each in listed["items"]}


@pytest.mark.usefixtures("url")
async def test_an_owner_that_loses_a_chain_hands_over_before_it_alerts(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with Receiver() as webhook, pair(bridge, webhook, tmp_path, "PT30S") as both:
        both_see = {"left": ["alpha", "beta"], "right": ["alpha", "beta"]}
        await until(lambda: _is(seen_by(both.owner), both_see), PATIENCE, lambda: both.other.said)
        await both.way_of_owner.stop()
        await until(lambda: both.other.events("monitor.started"), PATIENCE, lambda: both.other.said)
        changed = await webhook.gets("alert.opened", "owner_changed", "owner")
        assert "left handed it over because it had lost sight of alpha, which right sees" in changed.alert["text"]
        late = await bridge.xcall(alpha, beta)
        await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
        await until(lambda: both.owner.events("instance.stands_by"), PATIENCE, lambda: both.owner.said)
        await bridge.execute_fast(late)
        await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
    assert both.owner.events("work.lost") == []
    assert not [received for received in webhook.received if received.alert["kind"] == "chain_unobserved"]


@pytest.mark.usefixtures("url")
async def test_where_both_have_lost_a_chain_that_is_alerted(bridge: Devnet, tmp_path: Path) -> None:
    async with Receiver() as webhook, pair(bridge, webhook, tmp_path, "PT8S") as both:
        await both.way_of_other.stop()
        await both.way_of_owner.stop()
        await webhook.gets("alert.opened", "chain_unobserved", "alpha")
        assert both.owner.events("work.handed_over") == []
        # Whoever sees it first from now on gets the work, and ends the alert.
        await both.way_of_other.start()
        await until(lambda: both.other.events("monitor.started"), PATIENCE, lambda: both.other.said)
        await webhook.gets("alert.resolved", "chain_unobserved", "alpha")


async def _is(asked: Awaitable[object], expected: object) -> bool:
    return bool(await asked == expected)
