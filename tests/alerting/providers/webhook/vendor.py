"""A webhook's receiver played on loopback, after Standard Webhooks."""

from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.alerting.providers.vendor import Seen, Vendor

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver(Vendor):
    """A webhook's receiver that verifies Standard Webhooks with the published package."""

    def __init__(self, secret: str | None = None) -> None:
        super().__init__()
        self.taken: list[Any] = []
        self._verifier = Webhook(secret) if secret else None

    @property
    def url(self) -> str:
        return f"{self.base}/hook/s3cret?key=s3cret"

    def answer(self, seen: Seen) -> web.Response:
        if len(seen.body) >= 20_000:
            return web.Response(status=413)
        if self._verifier is not None:
            try:
                self._verifier.verify(seen.body, dict(seen.headers))
            except WebhookVerificationError:
                return web.Response(status=401)
        self.taken.append(seen.json)
        return web.Response(status=204)
