"""The connections of the HTTP server, limited in number and in how long each may keep others out.

The library bounds neither. A proxy that is half dead, or a stranger who sends a byte a second, would take every
descriptor of the process, and the monitor would reach neither its endpoints nor its channels. When all connections are
taken, the one that has kept us waiting longest is closed, so that a new client is answered.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

_HEAD_WITHIN: Final = 10.0
"""Seconds from a connection, or from the first byte of a further request, to the end of the request's head."""
_IDLE_WITHIN: Final = 20.0
"""Seconds that a connection is kept for a further request."""
_TAKEN_WITHIN: Final = 20.0
"""Seconds that a reader may leave the system's buffer for it full."""
LOOKED_UP_WITHIN: Final = 10.0
"""Seconds that the name to listen on may be looked up."""
_LOOK_EVERY: Final = 1.0
_AT_ONCE: Final = 16
"""Connections accepted before anything else has its turn."""
_BACKLOG: Final = 128
_NO_DESCRIPTOR_PAUSE: Final = 1.0
_SAID_EVERY: Final = 60.0
_UNACKNOWLEDGED_MS: Final = 30_000

log = structlog.get_logger(__name__)


OpenSocket = Callable[[int, int, int, tuple[Any, ...]], socket.socket]
"""Makes one that listens: of a family, a kind and a protocol, at an address. Raises OSError."""


class _Phase(IntEnum):
    """What a connection waits for; where room is needed, the first of these gives way first."""

    HEAD = 0
    IDLE = 1
    READER = 2
    ANSWER = 3
    STREAM = 4


_PATIENCE: Final = {_Phase.HEAD: _HEAD_WITHIN, _Phase.IDLE: _IDLE_WITHIN, _Phase.READER: _TAKEN_WITHIN}


class _ClientConnection(asyncio.Protocol):
    """Hands everything on to the library's handler of one connection, and notes what it waits for, and since when."""

    def __init__(self, handler: asyncio.Protocol, open_ones: "dict[asyncio.Protocol, _ClientConnection]") -> None:
        self._handler = handler
        self._open_ones = open_ones
        self._time = asyncio.get_running_loop().time
        self._transport: asyncio.Transport | None = None
        self._serving: _Phase | None = None
        self._unread_since: float | None = None
        self.state, self.since = _Phase.HEAD, self._time()

    # What the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open_ones[self._handler] = self
        self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.pop(self._handler, None)
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.state is _Phase.IDLE:
            self._now(_Phase.HEAD)
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self._unread_since = self._time()
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        if self.state is _Phase.IDLE:
            self._now(_Phase.IDLE)  # what is left of a long answer was read so far
        self._handler.resume_writing()

    # What becomes of it

    def serves(self, state: _Phase) -> None:
        """A request is whole, and is being answered."""
        self._now(state)

    def answered(self) -> None:
        """The answer is made; what is left of it is being written, and another request may come."""
        self._now(_Phase.IDLE)

    def overdue(self, now: float) -> bool:
        """Whether it has kept the monitor waiting too long."""
        return now - self._waits_since() > _PATIENCE.get(self._waits_for(), float("inf"))

    def gives_way(self) -> tuple[int, float]:
        """The smallest of these is the connection that gives way."""
        return (self._waits_for(), self._waits_since())

    def abort(self) -> None:
        """End it at once, whatever is still to be written."""
        self._open_ones.pop(self._handler, None)
        if self._transport is not None:
            self._transport.abort()

    def _now(self, state: _Phase) -> None:
        self.state, self.since = state, self._time()

    def _waits_for(self) -> _Phase:
        return self.state if self._unread_since is None else min(self.state, _Phase.READER)

    def _waits_since(self) -> float:
        return self.since if self._unread_since is None else min(self.since, self._unread_since)


class Connections:
    """Listens, and keeps the number of connections at or below ``most``; ``streams`` are the paths that stay open.

    The name to listen on may be looked up for ``looked_up_within`` seconds.
    """

    def __init__(
        self,
        most: int,
        streams: frozenset[str],
        looked_up_within: float = LOOKED_UP_WITHIN,
        opened: "OpenSocket | None" = None,
    ) -> None:
        self._most = most
        self._open_socket = opened or open_socket
        self._streams = streams
        self._looked_up_within = looked_up_within
        self._open: dict[asyncio.Protocol, _ClientConnection] = {}
        self._opening: set[asyncio.Task[object]] = set()
        self._sockets: list[socket.socket] = []
        self._looking: asyncio.Task[None] | None = None
        self._said_at: float | None = None

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a connection's request has come whole, and when it is answered."""
        connection = self._open.get(request.protocol)
        if connection is None:
            return await handler(request)
        connection.serves(_Phase.STREAM if request.path in self._streams else _Phase.ANSWER)
        try:
            return await handler(request)
        finally:
            connection.answered()

    async def listen(self, handlers: Callable[[], asyncio.Protocol], host: str, port: int) -> None:
        """Accept connections from now on, each with a handler of its own. Raises OSError, TimeoutError for its name."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._looked_up_within):
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        lacking: OSError | None = None
        for family, kind, protocol, _, address in dict.fromkeys(addresses):
            try:
                self._sockets.append(self._open_socket(family, kind, protocol, address))
            except OSError as error:
                # A name may stand for an address that this machine does not have, such as ::1, beside one that it has.
                if error.errno != errno.EADDRNOTAVAIL:
                    self.close()
                    raise
                lacking = error
        if not self._sockets:
            raise lacking or OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        for listening in self._sockets:
            loop.add_reader(listening.fileno(), self._accept, listening, handlers)
        self._looking = asyncio.create_task(self._end_overdue(), name="web connections")

    @property
    def address(self) -> tuple[str, int]:
        """The address it listens on."""
        host, port, *_ = self._sockets[0].getsockname()
        return host, port

    def close(self) -> None:
        """Accept no more; what is open stays."""
        for listening in self._sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
            listening.close()
        self._sockets.clear()

    async def end(self) -> None:
        """End whatever is left."""
        self.close()
        tasks = {task for task in (self._looking, *self._opening) if task is not None}
        for task in tasks:
            task.cancel()
        for connection in list(self._open.values()):
            connection.abort()
        if tasks:
            await asyncio.wait(tasks)

    def _accept(self, listening: socket.socket, handlers: Callable[[], asyncio.Protocol]) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._cannot_accept(error, listening, handlers)
                return
            if len(self._open) + len(self._opening) >= self._most:
                self._make_room()
            self._begin(accepted, handlers)

    def _begin(self, accepted: socket.socket, handlers: Callable[[], asyncio.Protocol]) -> None:
        accepted.setblocking(False)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # A peer that has gone without a word is not waited for.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        opening: asyncio.Task[object] = asyncio.create_task(self._open_connection(accepted, handlers))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open_connection(self, accepted: socket.socket, handlers: Callable[[], asyncio.Protocol]) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _ClientConnection(handlers(), self._open), accepted
            )
        except OSError:
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise

    def _make_room(self) -> None:
        if self._open:
            min(self._open.values(), key=_ClientConnection.gives_way).abort()

    def _cannot_accept(
        self, error: OSError, listening: socket.socket, handlers: Callable[[], asyncio.Protocol]
    ) -> None:
        """No descriptor is left, perhaps: one is made free, and whoever waits is accepted a little later."""
        loop = asyncio.get_running_loop()
        if self._said_at is None or loop.time() - self._said_at >= _SAID_EVERY:
            self._said_at = loop.time()
            log.warning("web.cannot_accept", reason=error.strerror, open_connections=len(self._open))
        self._make_room()
        loop.remove_reader(listening.fileno())
        loop.call_later(_NO_DESCRIPTOR_PAUSE, self._accept_again, listening, handlers)

    def _accept_again(self, listening: socket.socket, handlers: Callable[[], asyncio.Protocol]) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening.fileno(), self._accept, listening, handlers)

    async def _end_overdue(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = asyncio.get_running_loop().time()
            for connection in [connection for connection in self._open.values() if connection.overdue(now)]:
                connection.abort()


def open_socket(family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
    """One that listens at this address. Raises OSError."""
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
