"""The monitor goes on, and answers, whatever strangers do to its HTTP server; few descriptors are left to it."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.alerting.providers.webhook.vendor import Receiver
from tests.process.running import PATIENCE, asyncio_until, running, webhook, write_config
from tests.world.ports import free_port

DESCRIPTORS = 128
HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
STREAM = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
EXPECTING = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n" * 20
LARGE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30
"""Answers that nobody reads."""


class Strangers:
    """Connections to the monitor, which send the same and then keep silent."""

    def __init__(self, port: int, sends: bytes) -> None:
        self._port = port
        self._sends = sends
        self.open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def come(self, count: int) -> None:
        """So many more of them."""
        for _ in range(count):
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1024)
            except OSError:
                continue
            writer.write(self._sends)
            self.open.append((reader, writer))

    async def leave(self) -> None:
        for _, writer in self.open:
            writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def strangers(port: int, sends: bytes) -> AsyncIterator[Strangers]:
    them = Strangers(port, sends)
    try:
        yield them
    finally:
        await them.leave()


@pytest.mark.parametrize("sends", [b"", HALF, STREAM, LARGE], ids=["silent", "half a head", "streams", "unread"])
async def test_many_connections_take_no_descriptor_that_alerts_need(tmp_path: Path, sends: bytes) -> None:
    port, said = free_port(), tmp_path / "stderr"
    async with Receiver() as receiver:
        write_config(tmp_path, port, webhook(receiver.url))
        with running(tmp_path, port, stderr=said, descriptors=DESCRIPTORS) as monitor:
            await monitor.healthy()
            async with strangers(port, sends) as them:
                await them.come(300)
                assert (await monitor.get("/healthz"))[0] == 200
                await asyncio_until(lambda: receiver.taken)
                await them.come(100)
                assert (await monitor.get("/metrics"))[0] == 200
                held = len(list(Path(f"/proc/{monitor.process.pid}/fd").iterdir()))
                assert held < DESCRIPTORS - 20
            monitor.send(signal.SIGTERM)
            assert await monitor.ended() == 0
    assert said.stat().st_size < 100_000
    _, traceback, lines = said.read_text().partition("Traceback")
    assert not traceback, lines[:2000]


async def test_more_streams_than_there_are_for_are_refused_in_words(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    with running(tmp_path, port, descriptors=DESCRIPTORS) as monitor:
        await monitor.healthy()
        async with strangers(port, STREAM) as them:
            await them.come(16)
            for reader, _ in them.open:
                async with asyncio.timeout(PATIENCE):
                    assert b" 200 " in await reader.readline()
            status, words = await monitor.get("/api/v1/events")
            assert (status, words) == (503, '{"error": "16 streams are already open; close one"}\n')
        await asyncio_until(lambda: _refused_no_more(port))


async def _refused_no_more(port: int) -> bool:
    async with strangers(port, STREAM) as them:
        await them.come(1)
        async with asyncio.timeout(PATIENCE):
            return b" 200 " in await them.open[0][0].readline()


async def test_who_sends_a_byte_now_and_then_is_let_go(tmp_path: Path) -> None:
    port = free_port()
    write_config(tmp_path, port)
    with running(tmp_path, port) as monitor:
        await monitor.healthy()
        async with strangers(port, HALF) as them:
            await them.come(1)
            [(reader, writer)] = them.open
            closed = asyncio.ensure_future(reader.read())
            async with asyncio.timeout(PATIENCE):
                while not closed.done():
                    with contextlib.suppress(OSError):
                        writer.write(b"x")
                    await asyncio.wait({closed}, timeout=0.5)
            closed.exception()


async def test_who_asks_and_hangs_up_is_no_fault_of_the_program(tmp_path: Path) -> None:
    port, said = free_port(), tmp_path / "stderr"
    write_config(tmp_path, port)
    with running(tmp_path, port, stderr=said) as monitor:
        await monitor.healthy()
        for _ in range(5):
            async with strangers(port, EXPECTING) as them:
                await them.come(20)
        assert (await monitor.get("/healthz"))[0] == 200
        monitor.send(signal.SIGTERM)
        assert await monitor.ended() == 0
    assert "Traceback" not in said.read_text()
