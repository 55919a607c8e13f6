"""Opens and closes websockets that yield the event loop to others, follow no redirects, and log nothing secret."""

import asyncio
import logging
import time
from typing import Final

from websockets import http11
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from connext_monitor.core.rpc_wait import in_headers
from connext_monitor.monitoring.connection_failure import why_status, why_unreachable
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import HEADER_BYTES, EndpointUnavailable, RpcLimits

# The library reads these limits from the environment when it is imported, and from here when it reads a handshake.
http11.MAX_LINE_LENGTH = HEADER_BYTES
http11.MAX_NUM_HEADERS = 1024
_READ_AT_ONCE: Final = 64 * 2**10
"""Bytes taken from a socket at a time: tens of thousands of the smallest frames, which take a sixth of a second."""
_LONG_READ: Final = 0.01
"""Seconds; what an honest endpoint sends is taken in less."""
_SILENT: Final = logging.Logger("websockets", logging.CRITICAL + 1)  # noqa: LOG001 - no configuration may turn it on
"""The library logs the request line and its headers, which are secret; what matters reaches us as exceptions."""


class _YieldingConnection(ClientConnection):
    """The library's connection, which leaves the event loop to others at least half of the time, whatever comes.

    The library takes all frames of what the socket gave in one go; pings, which nobody waits for, without end.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have less read at a time."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):  # a socket's own transport; TLS has its bounds elsewhere
            transport.max_size = _READ_AT_ONCE

    def data_received(self, data: bytes) -> None:
        """Take what came, and, if that took long, nothing more for as long."""
        began = self.loop.time()
        super().data_received(data)
        took = self.loop.time() - began
        if took > _LONG_READ:
            self.transport.pause_reading()
            self.loop.call_later(took, self._go_on)

    def _go_on(self) -> None:
        # Where frames wait to be taken, the library goes on reading by itself when they are.
        if not self.recv_messages.paused and not self.transport.is_closing():
            self.transport.resume_reading()


class _Connect(connect):
    """The library's connecting, without following redirects: they would carry our keys elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def connect_websocket(url: EndpointAddress, limits: RpcLimits) -> ClientConnection | EndpointUnavailable:
    """An open connection, or why there is none: an error that is raised would have the library's own as its context."""
    try:
        return await _Connect(
            url.reveal(),
            additional_headers=url.reveal_headers(),
            compression=None,
            proxy=None,
            open_timeout=limits.open_timeout,
            ping_interval=limits.ping_interval,
            ping_timeout=limits.ping_timeout,
            close_timeout=limits.close_timeout,
            max_size=limits.answer_bytes,
            create_connection=_YieldingConnection,
            logger=_SILENT,
        )
    except InvalidStatus as error:
        status, headers = error.response.status_code, dict(error.response.headers.raw_items())
        retry_after = in_headers(headers, time.time())
        return EndpointUnavailable(url.host, why_status(status), retry_after, busy=status == 429)
    except InvalidHandshake:
        return EndpointUnavailable(url.host, "does not speak valid WebSocket")
    except Exception as error:  # noqa: BLE001 - whatever the library raises may quote the URL, and none of it may pass
        return EndpointUnavailable(url.host, why_unreachable(error))


async def close_websocket(connection: ClientConnection, within: float) -> None:
    """Close it, and cut it off where that takes longer than so many seconds.

    A task of its own does that: in one that was cancelled before, as a group cancels the task around it when one of its
    own fails, a time-out that ends is taken for another cancellation by Python 3.11.2, which is Debian 12's.
    """
    closing = asyncio.create_task(connection.close())
    try:
        await asyncio.wait([closing], timeout=within)
    finally:
        if not closing.done():
            closing.cancel()
            connection.transport.abort()
    await asyncio.wait([closing])
    if not closing.cancelled():
        closing.result()
