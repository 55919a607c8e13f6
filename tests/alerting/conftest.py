"""Servers and surroundings that the alerting tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.clock import SystemClock
from tests.alerting.bursts import Burst, bursting
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.slack.vendor import Slack
from tests.alerting.providers.webhook.vendor import SECRET, Receiver
from tests.alerting.queued_alerts import QueuedAlerts
from tests.world.alerts import LABELS
from tests.world.databases import open_store


@pytest.fixture
def context() -> ProviderContext:
    return ProviderContext(LABELS, SystemClock())


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    async with Discord() as vendor:
        yield vendor


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with Slack() as vendor:
        yield vendor


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as vendor:
        yield vendor


@pytest.fixture
async def signed_receiver() -> AsyncIterator[Receiver]:
    async with Receiver(SECRET) as vendor:
        yield vendor


@pytest.fixture
async def alerts(tmp_path: Path) -> AsyncIterator[QueuedAlerts]:
    store = await open_store(tmp_path / "monitor.db", {})
    yield QueuedAlerts(store)
    await store.close()


@pytest.fixture
async def burst(tmp_path: Path) -> AsyncIterator[Burst]:
    async with bursting(tmp_path / "monitor.db", "ops") as made:
        yield made


@pytest.fixture
async def calm_discord() -> AsyncIterator[Discord]:
    """A Discord that limits nobody for long."""
    async with Discord(window=0.05) as vendor:
        yield vendor
