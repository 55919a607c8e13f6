"""Two instances as processes on one server: what one leaves undone, the other does, and nothing is missed."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.e2e.monitor import PATIENCE, Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world import postgres
from tests.world.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server]

TAKEOVER = 3.0
"""Seconds; the shorter, the more of a test is spent on what happens and not on waiting for it."""


@pytest.fixture
def url(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseUrl]:
    with server.empty_database() as url:
        monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
        yield url


async def configs(bridge: Devnet, webhook: Receiver, folder: Path) -> tuple[Path, Path]:
    """Those of two instances, which differ in nothing but what they are called."""
    setup = Setup(
        bridge.chains[:2],
        {"machines": webhook},
        execute="PT4S",
        database="${DATABASE_URL}",
        takeover_after=f"PT{TAKEOVER:g}S",
    )
    text = (await write_config(setup, folder)).read_text(encoding="utf-8")
    files = []
    for name in ("left", "right"):
        (folder / name).mkdir()
        files.append(folder / name / "config.toml")
        files[-1].write_text(text.replace("[cluster]", f'[cluster]\nname = "{name}"'), encoding="utf-8")
    return files[0], files[1]


@asynccontextmanager
async def instances(bridge: Devnet, webhook: Receiver, folder: Path) -> AsyncIterator[tuple[Monitor, Monitor]]:
    """The owner of the work and the one that stands by."""
    left, right = await configs(bridge, webhook, folder)
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(Monitor(left))
        await owner.ready()
        other = await stack.enter_async_context(Monitor(right))
        await until(lambda: other.events("instance.stands_by"), PATIENCE, lambda: other.said)
        await other.ready()
        yield owner, other


async def taken_by(monitor: Monitor) -> None:
    await until(lambda: monitor.events("monitor.started"), PATIENCE, lambda: monitor.said)


def keys_twice(webhook: Receiver) -> list[tuple[str, str]]:
    """What the receiver was sent more than once, by what tells it so: the key of the message."""
    keys = [(received.change, str(received.alert["id"])) for received in webhook.received]
    return sorted({key for key in keys if keys.count(key) > 1})


@pytest.mark.usefixtures("url")
async def test_a_killed_owner_is_replaced_and_nothing_is_missed(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook, instances(bridge, webhook, tmp_path) as (owner, other):
        late = await bridge.xcall(alpha, beta)
        opened = await webhook.gets("alert.opened", "execute_overdue", late.transfer_id)
        owner.kill()
        meanwhile = await bridge.xcall(alpha, beta)
        await taken_by(other)
        await other.ready()
        await webhook.gets("alert.opened", "execute_overdue", meanwhile.transfer_id)
        for transfer in (late, meanwhile):
            await bridge.execute_fast(transfer)
            await webhook.gets("alert.resolved", "execute_overdue", transfer.transfer_id)
        resolved = await webhook.gets("alert.resolved", "execute_overdue", late.transfer_id)
    assert resolved.alert["id"] == opened.alert["id"]
    assert len(keys_twice(webhook)) <= 1


@pytest.mark.usefixtures("url")
async def test_a_stopped_owner_hands_over_at_once_and_nothing_comes_twice(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
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
    alpha, beta, _ = bridge.chains
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
