"""Words for why a connection could not be opened, or was lost.

None of them quotes a library, whose own words may hold the URL.
"""

import socket
import ssl
from typing import Final

from websockets.exceptions import ConnectionClosed

from connext_monitor.core.rpc_refusal import Reaction, classify
from connext_monitor.monitoring.endpoint_address import EndpointAddress

_BUSY_CODES: Final = (1008, 1013)
"""Policy violation, and try again later: how websockets end at a limit (RFC 6455, and the IANA registry)."""
_CLOSED_BY_US: Final = {
    1002: "broke the WebSocket protocol",
    1007: "sent text that is not UTF-8",
    1009: "gave an answer that is too large",
    1011: "stopped answering pings",
}
"""The codes with which websockets closes a connection on its own, and what the endpoint had done (RFC 6455, 7.4.1)."""


def why_unreachable(error: BaseException) -> str:  # noqa: PLR0911 - a table, ordered from special to general
    """Why no connection was had, or why it broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "has a certificate that is not valid for it"
    if isinstance(error, ssl.SSLError):
        return "does not speak valid TLS"
    if isinstance(error, socket.gaierror):
        return "has a name that cannot be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(error, ConnectionError):
        return "dropped the connection"
    if isinstance(error, TimeoutError):
        return "did not open a connection in time"
    return "cannot be reached"


def why_status(status: int) -> str:
    """What an HTTP status other than success means."""
    if 300 <= status < 400:
        return f"redirects elsewhere, which is not followed (HTTP status {status})"
    if status in (401, 403):
        return f"does not accept the credentials in its URL (HTTP status {status})"
    if status == 404:
        return f"has nothing at the path of its URL (HTTP status {status})"
    if status == 429:
        return f"received too many requests from us (HTTP status {status})"
    return f"answered with HTTP status {status}"


def why_closed(url: EndpointAddress, error: ConnectionClosed) -> str:
    """Who closed a websocket, and why."""
    if error.sent is not None and not error.rcvd_then_sent and error.sent.code in _CLOSED_BY_US:
        return _CLOSED_BY_US[error.sent.code]
    if error.rcvd is None:
        return "dropped the connection"
    words = url.quote(error.rcvd.reason)
    return f"closed the connection (code {error.rcvd.code}{': ' + words if words else ''})"


def is_busy(error: ConnectionClosed) -> bool:
    """Whether a websocket was closed because there were too many requests, as far as its code and words tell."""
    if error.rcvd is None:
        return False
    limited = classify(None, error.rcvd.reason).reaction is Reaction.RATE
    return limited or (error.rcvd.code in _BUSY_CODES)
