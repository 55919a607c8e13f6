"""HTTP servers on loopback, as tests stand them up."""

import asyncio

from aiohttp import web

_TURNS = 3
"""Of the event loop, in which a connection that has arrived becomes one that the server knows."""


async def closed(runner: web.AppRunner) -> None:
    """Close a server and all its connections.

    One that is accepted while the server closes is known to nobody and stays open (asyncio's `_accept_connection2`);
    that it was would be said in the midst of some later test. All that clients began before is accepted first.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    await runner.cleanup()
