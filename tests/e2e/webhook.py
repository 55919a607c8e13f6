"""A webhook receiver on loopback: verifies every signature, notes when each body came, and can be down or hang."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from tests.world.loopback import closed
from tests.world.waiting import BOUND, until

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@dataclass(frozen=True, slots=True)
class Received:
    """One body that was taken, under which key, and the wall clock then (Unix seconds)."""

    at: float
    body: dict[str, Any]
    key: str

    @property
    def change(self) -> str:
        """``alert.opened``, ``alert.resolved`` or ``report.stats``."""
        return str(self.body["type"])

    @property
    def alert(self) -> dict[str, Any]:
        """The alert in it."""
        alert: dict[str, Any] = self.body["data"]["alert"]
        return alert

    @property
    def what(self) -> tuple[str, str, str]:
        """Change, kind and subject: what this says happened to whom."""
        return (self.change, self.alert["kind"], self.alert["subject"])


class Receiver:
    """Runs while entered; `stop` and `start` take it down and bring it up again on its port."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.asked = 0
        self.hanging = False
        self._port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the port it had if it ever had one."""
        app = web.Application()
        app.router.add_post("/hook", self.take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections from now on; a second call does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await closed(runner)

    @property
    def url(self) -> str:
        """Where it takes bodies."""
        return f"http://127.0.0.1:{self._port}/hook"

    def whats(self) -> list[tuple[str, str, str]]:
        """What was received, in its order."""
        return [received.what for received in self.received if "alert" in received.body["data"]]

    def about(self, subject: str) -> list[tuple[str, str]]:
        """Change and kind of each body about it, in their order."""
        return [(change, kind) for change, kind, about in self.whats() if about == subject]

    async def gets(self, *what: str, seconds: float = BOUND) -> Received:
        """Wait for a body with this change, kind and subject."""
        await until(lambda: what in self.whats(), seconds, lambda: f"{what} not in {self.whats()}")
        alerts = (received for received in self.received if "alert" in received.body["data"])
        return next(received for received in alerts if received.what == what)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One body."""
        at = time.time()
        self.asked += 1
        raw = await request.read()
        if self.hanging:
            await asyncio.Event().wait()
        Webhook(SECRET).verify(raw, dict(request.headers))  # raises, and so answers 500, unless the signature is right
        self.received.append(Received(at, json.loads(raw), request.headers["webhook-id"]))
        return web.Response(status=204)
