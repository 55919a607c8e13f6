"""The way between an instance and its database server, which can be cut without either side being told."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Any, Self

from connext_monitor.config import DatabaseUrl

_AT_ONCE = 65_536
_BEAT = b"UPDATE lease"


class Cut(Flag):
    """Which direction is cut: nothing goes to the server, nothing comes from it, or both."""

    NONE = 0
    THERE = auto()
    BACK = auto()
    BOTH = THERE | BACK


@dataclass(eq=False)
class Flow:
    """One connection, and whether beats were sent over it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    beats: bool = False


OfFlow = Callable[[Flow], bool]


class Way:
    """A proxy, which forwards to the server's socket, a ``file``, while entered; it listens on loopback, or as told.

    What a cut holds up arrives once that is over, as what TCP repeats does; or the connections break then, as those
    do that both sides have given up. It cannot show how a kernel gives one up: here all bytes are acknowledged, by
    the proxy, however long the other side does not get them. `network` can, where one can be made.
    """

    def __init__(self, file: Path, listening: socket.socket | None = None) -> None:
        self._file = file
        self._own = listening
        self._cut = Cut.NONE
        self._concerns: OfFlow = lambda _flow: True
        self._mended = asyncio.Event()
        self._flows: dict[Flow, asyncio.Task[None]] = {}
        self._listening: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        where: dict[str, Any] = {"sock": self._own} if self._own else {"host": "127.0.0.1", "port": 0}
        self._listening = await asyncio.start_server(self._forward, **where)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        ended = list(self._flows.values())
        self._break()
        await asyncio.gather(*ended, return_exceptions=True)

    def url(self, direct: DatabaseUrl) -> DatabaseUrl:
        """Of the same database as ``direct``, this way."""
        assert self._listening is not None
        host, port = self._listening.sockets[0].getsockname()
        whose, _, _ = direct.get_secret_value().partition("?host=")
        return DatabaseUrl(f"{whose}?host={host}&port={port}&sslmode=disable&gssencmode=disable")

    def cut(self, direction: Cut, concerns: OfFlow = lambda _flow: True) -> None:
        """From now on, for the connections that this ``concerns``; whoever connects anew is heard by nobody."""
        self._cut, self._concerns = direction, concerns
        self._mended.clear()

    def mend(self, *, broken: bool) -> None:
        """End of that; ``broken``: with all connections that there were."""
        if broken:
            self._break()
        self._cut = Cut.NONE
        self._mended.set()

    def _break(self) -> None:
        for flow, task in self._flows.items():
            task.cancel()
            for writer in (flow.client, flow.server):
                writer.transport.abort()

    async def _forward(self, asks: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_unix_connection(str(self._file))
        flow = Flow(client, server)
        task = asyncio.current_task()
        assert task is not None
        self._flows[flow] = task
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await asyncio.gather(
                    self._pump(flow, Cut.THERE, asks, server), self._pump(flow, Cut.BACK, answers, client)
                )
        finally:
            del self._flows[flow]
            for writer in (client, server):
                writer.close()

    async def _pump(
        self, flow: Flow, direction: Cut, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        while piece := await source.read(_AT_ONCE):
            flow.beats = flow.beats or (direction is Cut.THERE and _BEAT in piece)
            await self._open(flow, direction)
            target.write(piece)
            await target.drain()
        await self._open(flow, direction)
        target.close()

    async def _open(self, flow: Flow, direction: Cut) -> None:
        while direction in self._cut and self._concerns(flow):
            await self._mended.wait()
