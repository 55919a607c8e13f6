"""Follows a subscription that pushes one log."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from connext_monitor.core.events import RawLog
from connext_monitor.monitoring.chain_data import Header, MalformedEntry, PushedLog
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.endpoint import Endpoint, Pushes
from connext_monitor.monitoring.observation import ObservationSink
from connext_monitor.monitoring.push_follower import PushFollower
from connext_monitor.monitoring.pushed_logs import PushedLogs
from tests.monitoring.covering import Covering


class Once:
    """The stream of a subscription that delivers once."""

    def __init__(self) -> None:
        self._delivered = False

    def __aiter__(self) -> AsyncIterator[msgspec.Raw]:
        return self

    async def __anext__(self) -> msgspec.Raw:
        if self._delivered:
            raise StopAsyncIteration
        self._delivered = True
        return msgspec.Raw(b"null")

    async def aclose(self) -> None:
        return None


async def follow(coverer: Covering, kept: ObservationSink, raw: RawLog) -> CoverRequests:
    """Follow a subscription that pushes this log and no other; what covers it asked for."""
    state = coverer.state
    pushes: Pushes[PushedLog | MalformedEntry] = Pushes(Once(), lambda _: PushedLog(raw, removed=False))
    heads: Pushes[Header] = Pushes(Once(), lambda _: pytest.fail("no head is read"))
    assert isinstance(state.endpoint, Endpoint)
    requests, pushed = CoverRequests(state, 60.0), PushedLogs(state.clock, 10.0)
    await PushFollower(state, state.endpoint, kept, requests, pushed, heads, pushes).follow_logs()
    return requests
