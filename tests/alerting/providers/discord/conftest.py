"""A provider on the Discord that is played."""

from collections.abc import AsyncIterator

import pytest

from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from tests.alerting.providers.discord.samples import ROLE, config
from tests.alerting.providers.discord.vendor import Discord


@pytest.fixture
async def provider(discord: Discord, context: ProviderContext) -> AsyncIterator[DiscordProvider]:
    provider = DiscordProvider("ops", config(discord.url, ROLE), context)
    yield provider
    await provider.aclose()
