"""How far a request came: whether there was a connection, and the status of an answer whose rest cannot be read.

aiohttp gives up an answer whole where its head or its first chunk breaks a rule, and with it the status that says
whether the message was taken. So the first bytes of each answer are kept here as they come in.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler

# Some write another version. Interim answers (1xx), with heads of any length, may come before the one that counts.
_STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9])? ([2-9][0-9]{2})(?![0-9])", re.IGNORECASE)
_KEPT = 256 * 1024


class ResponseStart:
    """The first bytes of a response; ``connected`` once something could be sent, so after the TLS handshake."""

    __slots__ = ("_bytes", "connected")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.connected = False

    def add(self, data: bytes) -> None:
        """Keep more of it."""
        self._bytes += data[: _KEPT - len(self._bytes)]

    @property
    def status(self) -> int | None:
        """The status, if it has arrived."""
        named = _STATUS.search(self._bytes)
        return int(named[1]) if named else None


_current_start: ContextVar[ResponseStart | None] = ContextVar("_current_start", default=None)


@contextmanager
def response_start() -> Iterator[ResponseStart]:
    """The start of the response to a request made within over a `StatusConnector`."""
    start = ResponseStart()
    token = _current_start.set(start)
    try:
        yield start
    finally:
        _current_start.reset(token)


class StatusConnector(aiohttp.TCPConnector):
    """Opens a connection for each request, and keeps the start of its response."""

    def __init__(self) -> None:
        super().__init__(force_close=True)
        handler: type[ResponseHandler] = _Handler
        self._factory = partial(handler, loop=asyncio.get_running_loop())


class _Handler(ResponseHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._current_start = _current_start.get()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._current_start is not None:
            self._current_start.connected = True
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._current_start is not None:
            self._current_start.add(data)
        super().data_received(data)
