"""Every channel that Apprise reaches (email, Teams, Matrix and a hundred more): it only sends, and edits nothing."""

import importlib.util
import logging
from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import SecretText, bad_value

if TYPE_CHECKING:
    from apprise import Apprise

    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext

# What it logs may hold the address that it was given.
logging.getLogger("apprise").disabled = True


class AppriseUrl(SecretText):
    """An address as Apprise writes them, such as ``mailto://user:password@host``."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` where Apprise is not installed, or does not know the address."""
        super().check(secret)
        if importlib.util.find_spec("apprise") is None:
            raise bad_value("needs a package that is not installed", "pip install 'connext-monitor[apprise]'")
        if apprise_channel(secret) is None:
            raise bad_value(
                "is not an address that Apprise knows", "write it as Apprise's documentation of that service shows"
            )


class AppriseConfig(ProviderConfig):
    """``type = "apprise"``; ``url`` is one of Apprise's addresses."""

    url: AppriseUrl


def apprise_channel(url: str, seconds: float | None = None) -> "Apprise | None":
    """The service behind an address, which is given so many seconds, where it is to send.

    Its redirects are not followed, unless the address says so: the message would go to somebody else, and their answer
    would count as taken.
    """
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - an extra that may not be installed

    channel = Apprise(asset=AppriseAsset(http_redirects=False, service_timeout=0))
    if not channel.add(url):
        return None
    for service in channel:
        its_own = service.socket_read_timeout != type(service).socket_read_timeout  # the address may say one
        if seconds is not None and not its_own:
            service.socket_read_timeout = seconds
    return channel


def build(name: str, config: AppriseConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.apprise.provider import AppriseProvider  # noqa: PLC0415 - as said above

    return AppriseProvider(name, config, context)


PROVIDER_TYPE = ProviderType(AppriseConfig, build)
