"""Follows a subscription that pushes logs in bursts."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest

from connext_monitor.core.events import RawLog
from connext_monitor.monitoring.chain_data import Header, MalformedEntry, PushedLog
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.observation import ObservationSink
from connext_monitor.monitoring.push_follower import PushFollower
from connext_monitor.monitoring.pushed_logs import PushedLogs
from connext_monitor.monitoring.pushes import Pushes
from connext_monitor.monitoring.subscriptions import PushQueue
from tests.monitoring.covering import Covering


class Stream(PushQueue):
    """A subscription that delivers these pushes, by their numbers, in bursts of these lengths, and ends."""

    def __init__(self, lengths: Sequence[int]) -> None:
        super().__init__(10_000, 2**20, self._unsubscribed)
        self._lengths = iter(lengths)
        self._numbers = itertools.count()

    async def burst(self, most: int) -> list[msgspec.Raw]:
        length = next(self._lengths, None)
        if length is None:
            self.end(StopAsyncIteration)
        for _ in range(length or 0):
            assert self.put(msgspec.Raw(b"%d" % next(self._numbers)))
        return await super().burst(most)

    async def _unsubscribed(self, _: PushQueue) -> None:
        """Nobody is told."""


Pushed = PushedLog | MalformedEntry


async def follow_bursts(
    state: ChainState, kept: ObservationSink, bursts: Sequence[Sequence[Pushed]], requests: CoverRequests
) -> None:
    """Follow a subscription that pushes these bursts and ends."""
    pushes = list(itertools.chain(*bursts))
    logs: Pushes[Pushed] = Pushes(Stream([len(burst) for burst in bursts]), lambda push: pushes[int(bytes(push))])
    heads: Pushes[Header] = Pushes(Stream([]), lambda _: pytest.fail("no head is read"))
    assert isinstance(state.endpoint, Endpoint)
    pushed = PushedLogs(state.clock, 10.0)
    await PushFollower(state, state.endpoint, kept, requests, pushed, heads, logs).follow_logs()


async def follow(coverer: Covering, kept: ObservationSink, raw: RawLog) -> CoverRequests:
    """Follow a subscription that pushes this log and no other; what covers it asked for."""
    requests = CoverRequests(coverer.state, 60.0)
    await follow_bursts(coverer.state, kept, [[PushedLog(raw, removed=False)]], requests)
    return requests
