"""Webhooks on the loopback; one of them takes every alert, and notes which ones came more than once."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web


class Inbox:
    """What has come, by what a receiver tells one message from another."""

    def __init__(self) -> None:
        self.url = ""
        self.opened: set[tuple[str, str]] = set()
        """Kind and subject of each alert that was opened."""
        self._ids: Counter[str] = Counter()

    @property
    def messages(self) -> int:
        """Different ones."""
        return len(self._ids)

    @property
    def repeated(self) -> int:
        """Those that came again."""
        return sum(self._ids.values()) - len(self._ids)

    async def take(self, request: web.Request) -> web.Response:
        """One of them."""
        body = await request.json()
        self._ids[request.headers["webhook-id"]] += 1
        if body["type"] == "alert.opened":
            self.opened.add((body["data"]["alert"]["kind"], body["data"]["alert"]["subject"]))
        return web.Response(status=204)


@asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """One on the loopback, at its ``url``."""
    taking = Inbox()
    async with webhook(taking.take) as taking.url:
        yield taking


@asynccontextmanager
async def webhook(take: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """A receiver on loopback that answers with ``take``; its URL."""
    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
