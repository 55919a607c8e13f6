"""A server that misbehaves as a test wants, and a sender that waits for it as long as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from connext_monitor.alerting.http.sender import HttpSender
from connext_monitor.alerting.http.timing import AdaptiveTimeout
from connext_monitor.clock import SystemClock


@asynccontextmanager
async def raw_server(reply: bytes, *, then_hang: bool = False) -> AsyncIterator[URL]:
    """A server that says just this to whatever it is asked."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        if then_hang:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret?key=s3cret")
        async with asyncio.timeout(60):
            await done.wait()


@asynccontextmanager
async def patient(first: float, longest: float) -> AsyncIterator[HttpSender]:
    clock = SystemClock()
    sender = HttpSender(clock, AdaptiveTimeout(clock, first, longest))
    yield sender
    await sender.aclose()
