"""A dead man's switch that a heartbeat keeps from going off."""

import time

from aiohttp import web

from tests.alerting.providers.vendor import Seen, Vendor


class Switch(Vendor):
    """Notes when it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self.last = 0.0

    def answer(self, _seen: Seen) -> web.Response:
        self.last = time.monotonic()
        return web.Response(text="OK")

    def silent_for(self) -> float:
        return time.monotonic() - self.last
