"""A webhook for machines: the API's documents, signed as Standard Webhooks 1.0.0 says."""

from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderType
from connext_monitor.alerting.providers.webhook.config import WebhookConfig

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import Provider
    from connext_monitor.alerting.providers.context import ProviderContext


def build(name: str, config: WebhookConfig, context: "ProviderContext") -> "Provider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.webhook.provider import WebhookProvider  # noqa: PLC0415 - as said above

    return WebhookProvider(name, config, context)


PROVIDER_TYPE = ProviderType(WebhookConfig, build)
