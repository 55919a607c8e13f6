"""A channel on loopback that is at times in trouble, and notes every message that it took."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from tests.e2e.webhook import SECRET, Receiver
from tests.soak.plan import ChannelTrouble

_RETRY_AFTER = "2"
_SLOW = 3.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that a channel took ``at`` then (Unix seconds); ``answered`` is whether the monitor can know of it."""

    at: float
    change: str
    alert_id: str
    kind: str
    subject: str
    answered: bool

    @classmethod
    def of(cls, at: float, body: dict[str, Any], *, answered: bool) -> "Taken | None":
        """From a webhook's body; None for one that is about no alert."""
        alert = body["data"].get("alert")
        if alert is None:
            return None
        change = str(body["type"]).removeprefix("alert.")
        return cls(at, change, alert["id"], alert["kind"], alert["subject"], answered)


class Channel(Receiver):
    """A receiver of webhooks whose ``trouble`` can be set; ``bites`` counts what each trouble did."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Taken] = []
        self.bites: Counter[str] = Counter()
        self._trouble: ChannelTrouble | None = None

    async def suffer(self, trouble: ChannelTrouble) -> None:
        """Be in this trouble until `recover`."""
        self._trouble = trouble
        if trouble is ChannelTrouble.DOWN:
            await self.stop()

    async def recover(self) -> None:
        """Take and answer everything."""
        trouble, self._trouble = self._trouble, None
        if trouble is ChannelTrouble.DOWN:
            await self.start()

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One message."""
        at, raw, trouble = time.time(), await request.read(), self._trouble
        Webhook(SECRET).verify(raw, dict(request.headers))
        if trouble is not None:
            self.bites[trouble.value] += 1
        match trouble:
            case ChannelTrouble.FAILS:
                return web.Response(status=500)
            case ChannelTrouble.LIMITS:
                return web.Response(status=429, headers={"Retry-After": _RETRY_AFTER})
            case ChannelTrouble.HANGS:
                await asyncio.Event().wait()
        self._note(at, raw, answered=trouble is not ChannelTrouble.LOSES)
        if trouble is ChannelTrouble.LOSES and request.transport is not None:
            request.transport.abort()
        if trouble is ChannelTrouble.SLOW:
            await asyncio.sleep(_SLOW)
        return web.Response(status=204)

    def _note(self, at: float, raw: bytes, *, answered: bool) -> None:
        taken = Taken.of(at, json.loads(raw), answered=answered)
        if taken is not None:
            self.taken.append(taken)
