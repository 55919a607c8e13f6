"""Two instances as processes on one server: what one leaves undone, the other does, and nothing is missed."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.cluster.instances import LEFT, RIGHT, Instances, write_configs
from tests.e2e.monitor import PATIENCE, Monitor
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]


@asynccontextmanager
async def instances(bridge: Devnet, webhook: Receiver, folder: Path) -> AsyncIterator[tuple[Monitor, Monitor]]:
    """The owner of the work and the one that stands by."""
    async with Instances(await write_configs(bridge.chains, webhook, folder)) as both:
        yield both[LEFT], both[RIGHT]


async def taken_by(monitor: Monitor) -> None:
    await until(lambda: monitor.events("monitor.started"), PATIENCE, lambda: monitor.said)


def keys_twice(webhook: Receiver) -> list[tuple[str, str]]:
    """What the receiver was sent more than once, by what tells it so: the key of the message."""
    keys = [(received.change, str(received.alert["id"])) for received in webhook.received]
    return sorted({key for key in keys if keys.count(key) > 1})


@pytest.mark.usefixtures("url")
async def test_a_stopped_owner_hands_over_at_once_and_nothing_comes_twice(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with Receiver() as webhook, instances(bridge, webhook, tmp_path) as (owner, other):
        late = await bridge.xcall(alpha, beta)
        await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
        owner.terminate()
        assert await owner.ended() == 0
        await taken_by(other)
        _, listed = await other.get("/api/v1/instances")
        assert [(each["name"], each["owns_work"]) for each in listed["items"]] == [("right", True)]
        assert 'connext_monitor_instance_owns_work{instance="right"} 1.0' in await other.text("/metrics")
        _, printed = await other.command("status")
        assert [line.split()[:3] for line in printed.splitlines() if " owns it " in line] == [["right", "owns", "it"]]
        opened = await webhook.gets("alert.opened", "owner_changed", "owner")
        assert "in place of left" in opened.alert["text"]
        await other.ready()
        await other.covers("beta", int(time.time()) + 1)
        await bridge.execute_fast(late)
        await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
    assert keys_twice(webhook) == []


@pytest.mark.usefixtures("url")
async def test_an_owner_that_stood_still_is_deposed_and_stands_by_again(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with Receiver() as webhook, instances(bridge, webhook, tmp_path) as (owner, other):
        await owner.stop()
        await taken_by(other)
        late = await bridge.xcall(alpha, beta)
        owner.go_on()
        await until(lambda: owner.events("work.lost"), PATIENCE, lambda: owner.said)
        await until(lambda: owner.events("instance.stands_by"), PATIENCE, lambda: owner.said)
        await owner.ready()
        await owner.knows(late, "XCalled")
        await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
        assert owner.exit_code is None
    assert webhook.about(late.transfer_id) == [("alert.opened", "execute_overdue")]
