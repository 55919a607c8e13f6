"""The config of a webhook."""

import base64
import binascii

from connext_monitor.alerting.providers.base import ProviderConfig
from connext_monitor.config import SecretText, SecretUrl, bad_value

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
