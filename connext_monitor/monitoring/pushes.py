"""What a subscription delivers, read: one by one, or all that has come by then."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar

import msgspec

from connext_monitor.monitoring.json_rpc import PushStream

_T = TypeVar("_T")


class Pushes(Generic[_T]):
    """What a subscription delivers, read; it ends with EndpointUnavailable and never by itself, unless we close it."""

    def __init__(self, stream: PushStream, read: Callable[[msgspec.Raw], _T]) -> None:
        self._stream = stream
        self._read = read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T:
        return self._read(await self._stream.__anext__())

    def bursts(self, most: int) -> "Bursts[_T]":
        """The same in bursts: what has come by then, at most so many at a time."""
        return Bursts(self._stream, self._read, most)

    async def aclose(self) -> None:
        """Unsubscribe; the endpoint's refusal of that is ignored."""
        await self._stream.aclose()


class Bursts(Generic[_T]):
    """What a subscription delivers, in bursts of at most ``most``, read; it ends as `Pushes` do."""

    def __init__(self, stream: PushStream, read: Callable[[msgspec.Raw], _T], most: int) -> None:
        self._stream = stream
        self._read = read
        self._most = most

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[_T]:
        return [self._read(push) for push in await self._stream.burst(self._most)]
