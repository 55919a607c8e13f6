"""What providers send with; loads aiohttp only once something is to be sent."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from connext_monitor.alerting.http.timing import LONGEST_TIMEOUT, AdaptiveTimeout
from connext_monitor.clock import Clock

if TYPE_CHECKING:
    from yarl import URL

    from connext_monitor.alerting.http.response import HttpResponse
    from connext_monitor.core.delivery import TryLater

PICTURE = "report.png"
"""The file name of a report's picture."""


class Sender(Protocol):
    """What one provider sends with."""

    async def request(
        self, method: str, url: "URL", body: bytes, headers: Mapping[str, str], *, at_most: float = LONGEST_TIMEOUT
    ) -> "HttpResponse | TryLater":
        """Send once, and wait ``at_most`` seconds. A network failure is a `TryLater`; only a bug raises."""
        ...

    async def aclose(self) -> None:
        """Close the connections; a later request opens new ones."""
        ...


OpenSender = Callable[[Clock, float], Sender]
"""Makes what one provider sends with; the number is how long a first response may take (seconds)."""


def http_sender(clock: Clock, first_timeout: float) -> Sender:
    """A sender with connections of its own; loads aiohttp, which reading a config must not wait for."""
    from connext_monitor.alerting.http.sender import HttpSender  # noqa: PLC0415 - as said above

    return HttpSender(clock, AdaptiveTimeout(clock, first_timeout))


async def form(fields: Mapping[str, str], name: str, picture: bytes) -> tuple[bytes, Mapping[str, str]]:
    """A form with these fields and a PNG called ``name`` in it: the body, and the header that says so."""
    from connext_monitor.alerting.http.sender import form_body  # noqa: PLC0415 - loaded with the sender

    return await form_body(fields, name, PICTURE, picture)
