"""``/api/v1/events``: changes of transfers and alerts as server-sent events."""

import asyncio

from aiohttp import web

from connext_monitor.reporting.web import parameters
from connext_monitor.reporting.web.answers import refuse
from connext_monitor.reporting.web.feed import Feed, FeedEvent, Listener

STREAM_PATH = "/api/v1/events"
MOST_STREAMS = 100
_COME_BACK_AFTER_MS = 2000
_HEARTBEAT_EVERY = 15.0
"""Seconds: proxies close a stream that is silent for a minute."""
_WRITE_WITHIN = 20.0
"""Seconds that a reader may accept nothing; one that falls far behind is dropped sooner."""


class EventStreams:
    """The route. Each stream begins where its reader left off, sends what changes, and a comment every 15 s."""

    def __init__(self, feed: Feed, heartbeat_every: float = _HEARTBEAT_EVERY, most: int = MOST_STREAMS) -> None:
        self._feed = feed
        self._most = most
        self._heartbeat_every = heartbeat_every

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get(STREAM_PATH, self.stream, allow_head=False)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send events until the reader leaves, falls behind, or the monitor stops."""
        parameters.only(request.query)
        if self._feed.listening >= self._most:
            return refuse(503, f"{self._most} streams are already open; close one", **{"Retry-After": "10"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        # A proxy that buffers output would hold events back.
        response.headers["X-Accel-Buffering"] = "no"
        # Counted before the first await: many may connect at once.
        listener = self._feed.join(request.headers.get("Last-Event-ID"))
        try:
            await response.prepare(request)
            await self._until_dropped(response, listener)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._feed.leave(listener)
        if listener.dropped.is_set() and request.transport is not None:
            # Nothing waits for what is buffered for a reader that accepts nothing.
            request.transport.abort()
        return response

    async def _until_dropped(self, response: web.StreamResponse, listener: Listener) -> None:
        sending = asyncio.create_task(self._send(response, listener))
        dropped = asyncio.create_task(listener.dropped.wait())
        try:
            await asyncio.wait({sending, dropped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, dropped):
                task.cancel()
            await asyncio.gather(sending, dropped, return_exceptions=True)

    async def _send(self, response: web.StreamResponse, listener: Listener) -> None:
        await _write(response, f"retry: {_COME_BACK_AFTER_MS}\n\n")
        while True:
            try:
                # Not `wait_for`, which loses a cancellation that comes together with an event.
                async with asyncio.timeout(self._heartbeat_every):
                    event = await listener.next()
            except TimeoutError:
                await _write(response, ": still here\n\n")
                continue
            if event is None:
                return
            await _write(response, self._frame(event))

    def _frame(self, event: FeedEvent) -> str:
        # The data is one line: JSON in ASCII without a control character.
        return f"id: {self._feed.event_id(event)}\nevent: {event.name}\ndata: {event.data}\n\n"


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(_WRITE_WITHIN):
        await response.write(text.encode("ascii"))
