"""PagerDuty, Events API v2: an incident for each alert, or for each burst on one pathway, resolved with it."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.pagerduty.config import PagerDutyConfig

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext


def build(name: str, config: PagerDutyConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.pagerduty.provider import PagerDutyProvider  # noqa: PLC0415 - as said above

    return PagerDutyProvider(name, config, context)


PROVIDER_TYPE = ProviderType(PagerDutyConfig, build)
