"""PagerDuty, Events API v2: an incident for each alert, or for each burst on one pathway, resolved with it."""

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import PlainValidator

from connext_monitor.alerting.providers.base import ProviderConfig, ProviderType
from connext_monitor.config import SecretText, SecretUrl, as_flag, bad_value

if TYPE_CHECKING:
    from connext_monitor.alerting.notice import DigestProvider
    from connext_monitor.alerting.providers.context import ProviderContext

_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")


class RoutingKey(SecretText):
    """The integration key of a service."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it is 32 letters and digits."""
        if not _ROUTING_KEY.fullmatch(secret):
            raise bad_value(
                "is not a PagerDuty routing key",
                'copy the integration key of an "Events API v2" integration: 32 characters',
            )


def _read_source(value: object) -> str:
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= 255:
        return value
    raise bad_value("is not a valid source name", "write a short text: what incidents are to say they come from")


def _read_reports(value: object) -> Literal[False] | None:
    flag = as_flag(value)
    if flag is None or flag is False:
        return flag
    raise bad_value("cannot be turned on here: PagerDuty takes incidents, not reports", "leave the key out")


class PagerDutyConfig(ProviderConfig):
    """``type = "pagerduty"``; ``source`` is what incidents say they come from, ``url`` where events are taken."""

    routing_key: RoutingKey
    reports: Annotated[Literal[False] | None, PlainValidator(_read_reports)] = None
    source: Annotated[str, PlainValidator(_read_source)] = "connext-monitor"
    url: SecretUrl = SecretUrl("https://events.pagerduty.com/v2/enqueue")


def build(name: str, config: PagerDutyConfig, context: "ProviderContext") -> "DigestProvider":
    """What sends; loaded here, so that reading the config does not wait for it."""
    from connext_monitor.alerting.providers.pagerduty.provider import PagerDutyProvider  # noqa: PLC0415 - as said above

    return PagerDutyProvider(name, config, context)


PROVIDER_TYPE = ProviderType(PagerDutyConfig, build)
