"""A webhook for machines: the API's documents, signed as Standard Webhooks 1.0.0 says."""

import base64
import binascii
from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import SecretText, SecretUrl, bad_value

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import Provider
    from connext_monitor.alerting.providers.context import ProviderContext

_PREFIX = "whsec_"


class SigningSecret(SecretText):
    """``whsec_`` and the base64 of 24 to 64 bytes."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` for any other form."""
        if not secret.startswith(_PREFIX) or not 24 <= len(_decoded(secret) or b"") <= 64:
            raise bad_value(
                "is not a Standard Webhooks signing secret", 'write "whsec_" and the base64 of 24 to 64 random bytes'
            )

    @property
    def key(self) -> bytes:
        """The bytes to sign with."""
        return _decoded(self.get_secret_value()) or b""


class WebhookConfig(ProviderConfig):
    """``type = "webhook"``; with a ``secret`` every request is signed."""

    url: SecretUrl
    secret: SigningSecret | None = None


def _decoded(secret: str) -> bytes | None:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None


def build(name: str, config: WebhookConfig, context: "ProviderContext") -> "Provider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.webhook.provider import WebhookProvider  # noqa: PLC0415 - as said above

    return WebhookProvider(name, config, context)


PROVIDER_TYPE = ProviderType(WebhookConfig, build)
