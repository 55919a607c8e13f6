"""What an endpoint pushes: a queue per subscription, filled by the reader without ever waiting."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from connext_monitor.monitoring.json_rpc import size

SubscriptionId = str | int

_MOST_EARLY: Final = 1_000
_MOST_EARLY_BYTES: Final = 16 * 2**20
"""Pushes kept for a subscription whose id is not known yet; in practice one or two come early."""


class PushQueue:
    """A `PushStream` with bounds in pushes and bytes: `put` says when it is full, and nothing is dropped silently."""

    def __init__(self, most: int, most_bytes: int, unsubscribe: Callable[["PushQueue"], Awaitable[None]]) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._unsubscribe = unsubscribe
        self._waiting: deque[msgspec.Raw] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._why_ended: Callable[[], Exception] | None = None

    def put(self, push: msgspec.Raw) -> bool:
        """Add a push; False when there is no room for it."""
        if len(self._waiting) >= self._most or self._bytes + size(push) > self._most_bytes:
            return False
        self._waiting.append(push)
        self._bytes += size(push)
        self._changed.set()
        return True

    def end(self, why: Callable[[], Exception]) -> None:
        """Nothing more comes: once what waits is read, the consumer gets the exception that ``why`` makes.

        It is made anew each time: an exception raised twice would collect the tracebacks of both.
        """
        if self._why_ended is None:
            self._why_ended = why
        self._changed.set()

    def __aiter__(self) -> "PushQueue":
        return self

    async def __anext__(self) -> msgspec.Raw:
        while not self._waiting:
            if self._why_ended is not None:
                raise self._why_ended()
            self._changed.clear()
            await self._changed.wait()
        push = self._waiting.popleft()
        self._bytes -= size(push)
        return push

    async def burst(self, most: int) -> list[msgspec.Raw]:
        """See `PushStream`."""
        pushes = [await self.__anext__()]
        while self._waiting and len(pushes) < most:
            pushes.append(self._waiting.popleft())
            self._bytes -= size(pushes[-1])
        return pushes

    async def aclose(self) -> None:
        """See `PushStream`."""
        self._waiting.clear()
        self.end(StopAsyncIteration)
        await self._unsubscribe(self)


class Subscriptions:
    """Which queue a push belongs to, even if it comes before the answer that names its subscription."""

    def __init__(self) -> None:
        self._queues: dict[str, PushQueue] = {}
        self._ids: dict[str, SubscriptionId] = {}
        self._early: list[tuple[str, msgspec.Raw]] = []
        self._early_bytes = 0

    def __len__(self) -> int:
        return len(self._queues)

    def push(self, subscription: SubscriptionId, push: msgspec.Raw, *, expecting: bool) -> bool:
        """Deliver a push; False when there is no room for it.

        A push of an unknown subscription is kept while we are ``expecting`` the answer to a subscribe; otherwise it is
        ignored, since its subscription was given up.
        """
        key = _key(subscription)
        queue = self._queues.get(key)
        if queue is not None:
            return queue.put(push)
        if expecting:
            self._early.append((key, push))
            self._early_bytes += size(push)
        return len(self._early) <= _MOST_EARLY and self._early_bytes <= _MOST_EARLY_BYTES

    def begin(self, subscription: SubscriptionId, queue: PushQueue) -> bool:
        """Deliver to ``queue`` from now on, beginning with what came early; False when that has no room."""
        key = _key(subscription)
        self._queues[key], self._ids[key] = queue, subscription
        ours = [push for early, push in self._early if early == key]
        self._early = [(early, push) for early, push in self._early if early != key]
        self._early_bytes -= sum(map(size, ours))
        return all(queue.put(push) for push in ours)

    def forget_early(self) -> None:
        """No subscribe waits for its answer: what is left belongs to nobody."""
        self._early.clear()
        self._early_bytes = 0

    def forget(self, queue: PushQueue) -> SubscriptionId | None:
        """Deliver nothing more to ``queue``; returns its subscription, None if it had none."""
        key = next((key for key, candidate in self._queues.items() if candidate is queue), None)
        if key is None:
            return None
        del self._queues[key]
        return self._ids.pop(key)

    def end(self, why: Callable[[], Exception]) -> None:
        """End all queues, as `PushQueue.end` does."""
        for queue in self._queues.values():
            queue.end(why)
        self._queues.clear()
        self._ids.clear()
        self.forget_early()


def _key(subscription: SubscriptionId) -> str:
    """What tells subscriptions apart: some servers give an id now as a number, now as text."""
    return str(subscription).lower()
