"""Every channel that Apprise reaches (email, Teams, Matrix and a hundred more): it only sends, and edits nothing."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.apprise.config import AppriseConfig
from connext_monitor.alerting.providers.base import ProviderType

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext


def build(name: str, config: AppriseConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.apprise.provider import AppriseProvider  # noqa: PLC0415 - as said above

    return AppriseProvider(name, config, context)


PROVIDER_TYPE = ProviderType(AppriseConfig, build)
