"""A machine whose clock is wrong, or is set while a deadline is pending: each is told all the same, when it is due."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEHIND, YEAR = -3030.0, 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Skewed:
    """A monitor, and the file that says by how much its clock is wrong."""

    bridge: Devnet
    monitor: Monitor
    webhook: Receiver
    skew: Path

    def set(self, seconds: float) -> None:
        """From now on the clock is wrong by that."""
        self.skew.with_suffix(".new").write_text(str(seconds), encoding="utf-8")
        self.skew.with_suffix(".new").rename(self.skew)

    async def told_of_a_late_transfer(self, *, then: float) -> float:
        """Set the clock once a transfer is known; seconds from its deadline to the alert, which must come."""
        alpha, beta, _ = self.bridge.chains
        sent = await self.bridge.xcall(alpha, beta)
        await self.monitor.knows(sent, "XCalled")
        self.set(then)
        opened = await self.webhook.gets("alert.opened", "execute_overdue", sent.transfer_id)
        return opened.at - sent.timestamp - 6


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def behind(bridge: Devnet, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Skewed]:
    """A monitor that was started 50 minutes behind."""
    alpha, beta, _ = bridge.chains
    folder = tmp_path_factory.mktemp("behind")
    skew = folder / "skew"
    skew.write_text(str(BEHIND), encoding="utf-8")
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}), folder)
        async with Monitor(config, skew=skew) as monitor:
            await monitor.ready()
            yield Skewed(bridge, monitor, webhook, skew)


@pytest.mark.parametrize("then", [BEHIND, 0.0, -1800.0, YEAR, -YEAR], ids=str)
async def test_a_deadline_is_alerted_when_due_whatever_our_clock_says(behind: Skewed, then: float) -> None:
    assert await behind.told_of_a_late_transfer(then=then) > 0


async def differs(monitor: Monitor) -> bool:
    _, clock = await monitor.get("/api/v1/clock")
    return clock["trouble"] is not None and clock["trouble"].startswith("this machine's clock is 50 min")


async def test_the_difference_is_told(behind: Skewed) -> None:
    behind.set(BEHIND)

    await until(lambda: differs(behind.monitor), why=lambda: behind.monitor.said)
    await until(lambda: behind.monitor.events("clock.differs"), why=lambda: behind.monitor.said)
    code, printed = await behind.monitor.command("status", "--json")
    report = json.loads(printed)
    assert code == 3
    assert report["clock_ahead_seconds"] == pytest.approx(BEHIND, abs=30)
    assert any(reason.startswith("this machine's clock is 50 min") for reason in report["degraded"])
    page = (await behind.monitor.text("/")).replace("&#39;", "'")
    assert "this machine's clock is 50 min" in page.lower()
    assert "connext_monitor_clock_difference_seconds -" in await behind.monitor.text("/metrics")
    await behind.monitor.ready()


async def test_its_end_is_told_too(behind: Skewed) -> None:
    behind.set(BEHIND)
    await until(lambda: differs(behind.monitor), why=lambda: behind.monitor.said)
    before = len(behind.monitor.events("clock.agrees"))
    behind.set(0)
    await until(lambda: len(behind.monitor.events("clock.agrees")) > before, why=lambda: behind.monitor.said)
    assert (await behind.monitor.get("/api/v1/clock"))[1]["trouble"] is None
