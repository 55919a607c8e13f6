"""Passes a node's pushes on to those who subscribed at a proxy, as the faults let it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.faults.applied import Applied
from tests.faults.faults import Freeze, Shuffle, Stale
from tests.faults.feed import Push, Retelling, height
from tests.faults.hooks import Json

PushEdit = Callable[[str, Any], list[Any]]
"""From a feed ("heads" or "logs") and what the node pushed to what is pushed instead, nothing or more than once."""

_CLOSE_TOGETHER = 0.03
"""Seconds within which a `Shuffle` gathers pushes."""


@dataclass(eq=False)
class Client:
    """One websocket of the monitor's, and what it subscribed to: a feed and, for logs, a filter."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport
    feeds: dict[str, tuple[str, Json]] = field(default_factory=dict)


_Target = tuple[Client, str]
"""A client and its subscription."""


class Pusher:
    """``clients`` are those connected; ``retelling`` says how reorgs are told, and knows the node's head."""

    def __init__(self, applied: Applied) -> None:
        self.clients: set[Client] = set()
        self.edit: PushEdit | None = None
        self.retelling = Retelling()
        self._applied = applied
        self._ids = itertools.count(1)
        self._held: list[Push] = []
        self._together: list[tuple[_Target, Any]] = []

    def subscribe(self, client: Client, feed: str, log_filter: Json) -> str:
        """Push this feed's to the client from now on; the subscription's id."""
        subscription = hex(next(self._ids))
        client.feeds[subscription] = (feed, log_filter)
        return subscription

    async def follow(self, pushes: AsyncIterator[Push]) -> None:
        """Pass on until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            async for feed, result in pushes:
                self._held += self.retelling.hear(feed, result)
                await self.release(tasks)

    async def release(self, tasks: asyncio.TaskGroup | None = None) -> None:
        """Pass on what is not held back by a node that lags; ``tasks`` takes what is to be passed on later."""
        lagging = self._applied.of(Stale)
        while self._held and (
            lagging is None or lagging.announces or height(self._held[0]) <= self.retelling.head - lagging.blocks
        ):
            await self._pass_on(*self._held.pop(0), tasks)

    async def _pass_on(self, feed: str, result: Json, tasks: asyncio.TaskGroup | None) -> None:
        targets = self._subscribed(feed, result)
        if not targets:
            return
        results = [result] if self.edit is None else self.edit(feed, result)
        sendings = [(target, push) for push in self._applied.pushed(feed, results) for target in targets]
        if tasks is None or self._applied.of(Shuffle) is None:
            await self._send(sendings)
            return
        if not self._together:
            tasks.create_task(self._send_reversed())
        self._together += sendings

    async def _send_reversed(self) -> None:
        await asyncio.sleep(_CLOSE_TOGETHER)
        together, self._together = self._together, []
        shuffle = self._applied.of(Shuffle)
        if shuffle is not None and len(together) > 1:
            self._applied.bit(shuffle)
        await self._send(together[::-1])

    async def push(self, feed: str, result: Any) -> None:
        """Push something of our own to everybody who subscribed to this feed."""
        await self._send([(target, result) for target in self._subscribed(feed)])

    def _subscribed(self, feed: str, log: Json | None = None) -> list[_Target]:
        return [
            (client, subscription)
            for client in self.clients
            for subscription, (name, log_filter) in client.feeds.items()
            if name == feed and (feed == "heads" or log is None or _matches(log_filter, log))
        ]

    async def _send(self, sendings: list[tuple[_Target, Any]]) -> None:
        for (client, subscription), result in sendings:
            if (freezing := self._applied.of(Freeze)) is not None:
                self._applied.bit(freezing)
                continue
            with suppress(ConnectionError):
                await client.socket.send_str(_message(subscription, result))


def _matches(log_filter: Json, log: Json) -> bool:
    """Whether a log is one of those subscribed to."""
    address = log_filter.get("address")
    return (address is None or log["address"].lower() == address.lower()) and all(
        accepted is None or topic in (accepted if isinstance(accepted, list) else [accepted])
        for accepted, topic in zip(log_filter.get("topics", []), log["topics"], strict=False)
    )


def _message(subscription: str, result: object) -> str:
    params = {"subscription": subscription, "result": result}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
