"""A sender that is closed after the test."""

from collections.abc import AsyncIterator

import pytest

from connext_monitor.alerting.http.sender import HttpSender
from connext_monitor.clock import SystemClock


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    sender = HttpSender(SystemClock())
    yield sender
    await sender.aclose()
