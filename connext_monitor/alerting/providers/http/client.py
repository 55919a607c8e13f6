"""What providers send with; loads aiohttp only once something is to be sent."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connext_monitor.alerting.providers.base import ProviderContext

if TYPE_CHECKING:
    from connext_monitor.alerting.providers.http.sender import HttpSender
from connext_monitor.alerting.providers.http.timing import AdaptiveTimeout

PICTURE = "report.png"
"""The file name of a report's picture."""


def http_sender(context: ProviderContext) -> "HttpSender":
    """A sender with connections of its own; loads aiohttp, which reading a config must not wait for."""
    from connext_monitor.alerting.providers.http.sender import HttpSender  # noqa: PLC0415 - as said above

    return HttpSender(context.clock, AdaptiveTimeout(context.clock, context.first_timeout))


async def form(fields: Mapping[str, str], name: str, picture: bytes) -> tuple[bytes, Mapping[str, str]]:
    """A form with these fields and a PNG called ``name`` in it: the body, and the header that says so."""
    from connext_monitor.alerting.providers.http.sender import form_body  # noqa: PLC0415 - loaded with the sender

    return await form_body(fields, name, picture)
