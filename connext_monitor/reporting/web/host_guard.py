"""Keeps web pages from reading a monitor that listens on the loopback only.

A page whose name its owner suddenly resolves to 127.0.0.1 (DNS rebinding) may read what listens there; but its requests
carry the page's own name as Host.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from connext_monitor.reporting.web.answers import refuse


def host_guard(listen_host: str) -> Middleware:
    """A middleware that, where ``listen_host`` is the loopback, refuses requests meant for other hosts."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # HTTP/1.0 may leave it out; browsers never do.
        named = request.headers.get("Host")
        if not is_loopback(listen_host) or named is None or _names_loopback(named):
            return await handler(request)
        return refuse(
            421,
            "this monitor listens on the loopback only and answers to localhost; "
            "a proxy in front of it must send Host: localhost",
        )

    return guard


def is_loopback(host: str) -> bool:
    """Whether this name or address, without port and brackets, is this machine's own."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _names_loopback(named: str) -> bool:
    try:
        host = urlsplit(f"//{named}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)
