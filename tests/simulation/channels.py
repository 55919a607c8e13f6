"""Simulated channels: where the monitor's real providers send, without a network, and what has been taken there.

A channel answers as its vendor does, in virtual time; a `ChannelFault` of the story changes that for a while. Channels
outlive the monitor: what they took, they have, whatever becomes of the process that sent it.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random
from typing import Any

from yarl import URL

from connext_monitor.alerting.http.client import Sender
from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.timing import LONGEST_TIMEOUT, AdaptiveTimeout
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import FailureCause, TryLater
from tests.simulation.received import Received, received
from tests.simulation.story import Channel, ChannelFault, lasts
from tests.simulation.trace import Message
from tests.simulation.troubles import ChannelTrouble

QUICKEST, SLOWEST = 0.05, 0.4
"""Seconds that an answer takes."""
_TAKING = frozenset({ChannelTrouble.LOSE_ANSWER, ChannelTrouble.SLOW})
"""With these a channel takes what it is sent all the same."""


def provider_tables(channels: Iterable[Channel]) -> dict[str, dict[str, str]]:
    """The config's ``[alert_providers]`` for these channels."""
    return {channel.name: _TABLES[channel.type](channel.name) for channel in channels}


_TABLES: Mapping[str, Callable[[str], dict[str, str]]] = {
    "discord": lambda name: {"type": "discord", "webhook_url": f"https://discord.com/api/webhooks/1/{name}"},
    "slack": lambda name: {"type": "slack", "webhook_url": f"https://hooks.slack.com/services/T0/B0/{name}"},
    "webhook": lambda name: {"type": "webhook", "url": f"https://hook.example/in/{name}"},
}


@dataclass(slots=True)
class _Inbox:
    """One channel: what it has, by the ids that it gave."""

    channel: Channel
    faults: Sequence[ChannelFault]
    posted: int = 0

    def trouble(self, at: float) -> ChannelFault | None:
        """What is wrong with it; of several the worst: who refuses takes nothing, however slowly."""
        lasting = (fault for fault in self.faults if lasts(fault, at))
        return min(
            lasting, key=lambda fault: (fault.trouble in _TAKING, fault.trouble is ChannelTrouble.SLOW), default=None
        )


class SimulatedChannels:
    """All channels of a story; ``now`` is the world's time in seconds since the story's begin."""

    def __init__(
        self, channels: Iterable[Channel], faults: Sequence[ChannelFault], now: Callable[[], float], random: Random
    ) -> None:
        self._inboxes = {
            channel.name: _Inbox(channel, [fault for fault in faults if fault.channel == channel.name])
            for channel in channels
        }
        self.now = now
        self._random = random
        self._taken: list[Message] = []

    @property
    def messages(self) -> tuple[Message, ...]:
        """What has been taken, in order."""
        return tuple(self._taken)

    def open_sender(self, clock: Clock, first_timeout: float, *, instance: int = 0) -> Sender:
        """What one provider of an instance sends with, as `ProviderContext.open_sender`."""
        return _SimulatedSender(self, AdaptiveTimeout(clock, first_timeout), clock, instance)

    def latency(self) -> float:
        """How long the next answer takes (seconds)."""
        return self._random.uniform(QUICKEST, SLOWEST)

    def trouble(self, url: URL) -> ChannelFault | None:
        """What is wrong now with the channel at this address."""
        return self._inbox(url).trouble(self.now())

    def take(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str], *, says_so: bool, instance: int
    ) -> HttpResponse:
        """Take a request of an instance, if it can be, and answer; ``says_so``: whether the answer will arrive."""
        inbox = self._inbox(url)
        got = received(inbox.channel.type, method, url, json.loads(body), headers)
        message_id = got.edits
        if message_id is None:
            inbox.posted += 1
            message_id = str(inbox.posted)
        elif not message_id.isdecimal() or not 1 <= int(message_id) <= inbox.posted:
            return _json(404, {"message": "Unknown Message", "code": 10008})
        message = _message(got, inbox.channel.name, message_id, self.now(), method, body)
        self._taken.append(replace(message, acknowledged=says_so, instance=instance))
        return _ACCEPTED[inbox.channel.type](message_id)

    def gone(self, url: URL) -> HttpResponse:
        """How a channel says that it is no more."""
        return _GONE[self._inbox(url).channel.type]

    def _inbox(self, url: URL) -> _Inbox:
        return next(inbox for name, inbox in self._inboxes.items() if name in url.parts)


class _SimulatedSender:
    """One provider's requests; it waits as the real one does (`connext_monitor.alerting.http.sender`)."""

    def __init__(self, channels: SimulatedChannels, timeout: AdaptiveTimeout, clock: Clock, instance: int) -> None:
        self._channels = channels
        self._instance = instance
        self._timeout = timeout
        self._clock = clock

    async def request(
        self, method: str, url: URL, body: bytes, headers: Mapping[str, str], *, at_most: float = LONGEST_TIMEOUT
    ) -> HttpResponse | TryLater:
        """Send once: the request arrives after half of the time that an answer takes."""
        way = self._channels.latency() / 2
        began = self._clock.monotonic()
        await asyncio.sleep(way)
        patience = min(self._timeout.seconds, at_most)
        fault = self._channels.trouble(url)
        trouble = None if fault is None else fault.trouble
        if trouble is ChannelTrouble.HANG:
            return await self._hang(patience, way)
        if fault is not None and trouble not in _TAKING:
            await asyncio.sleep(way)
            self._timeout.answered(self._clock.monotonic() - began)
            return self._refusal(fault, url)
        loses = trouble is ChannelTrouble.LOSE_ANSWER
        back = way + (fault.amount if fault is not None and trouble is ChannelTrouble.SLOW else 0.0)
        in_time = way + back < patience
        says_so = in_time and not loses
        answer = self._channels.take(method, url, body, headers, says_so=says_so, instance=self._instance)
        if not in_time:
            return await self._hang(patience, way)
        await asyncio.sleep(back)
        if loses:
            return TryLater("closed the connection before it answered", cause=FailureCause.NOT_TAKEN)
        self._timeout.answered(self._clock.monotonic() - began)
        return answer

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _hang(self, seconds: float, waited: float) -> TryLater:
        await asyncio.sleep(seconds - waited)
        self._timeout.timed_out(seconds)
        return TryLater(f"did not answer within {seconds:g} s", cause=FailureCause.TIMED_OUT)

    def _refusal(self, fault: ChannelFault, url: URL) -> HttpResponse:
        if fault.trouble is ChannelTrouble.REFUSE:
            return self._channels.gone(url)
        if fault.trouble is ChannelTrouble.LIMIT:
            return _json(429, {"retry_after": fault.amount}, fault.amount)
        return HttpResponse(500, {}, b"")


def _message(got: Received, channel: str, message_id: str, at: float, method: str, body: bytes) -> Message:
    meaning = got.meaning
    return Message(
        at=at,
        channel=channel,
        message_id=message_id,
        edit=got.edits is not None,
        kind=meaning.kind,
        state=meaning.state,
        key=got.key or sha256(method.encode() + body).hexdigest()[:16],
        subject=meaning.subject,
        alert_id=got.alert_id,
        pathway=meaning.pathway,
        members=meaning.members,
        open=meaning.open,
        named=meaning.named,
        late=meaning.late,
    )


def _json(status: int, document: Mapping[str, Any], retry_after: float | None = None) -> HttpResponse:
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return HttpResponse(status, headers, json.dumps(document).encode(), retry_after)


_ACCEPTED: Mapping[str, Callable[[str], HttpResponse]] = {
    "discord": lambda message_id: _json(200, {"id": message_id}),
    "slack": lambda _: HttpResponse(200, {}, b"ok"),
    "webhook": lambda _: HttpResponse(204),
}
_GONE = {
    "discord": _json(404, {"message": "Unknown Webhook", "code": 10015}),
    "slack": HttpResponse(404, {}, b"no_service"),
    "webhook": HttpResponse(410),
}
