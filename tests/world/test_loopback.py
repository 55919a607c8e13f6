"""A server that a test closes leaves no connection for a later test to stumble over."""

import asyncio
import gc
import socket

from aiohttp import web

from tests.world.loopback import closed


async def test_a_connection_just_arriving_is_closed_with_its_server() -> None:
    for turns in range(4):
        runner = web.AppRunner(web.Application(), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with socket.create_connection(runner.addresses[0]):
            for _ in range(turns):
                await asyncio.sleep(0)
            await closed(runner)
    # What is left open warns when it is collected, and pytest makes that a failure of this test.
    gc.collect()
