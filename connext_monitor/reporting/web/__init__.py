"""The HTTP server: JSON API and probes."""

from connext_monitor.reporting.web.server import ListenError, WebServer

__all__ = ["ListenError", "WebServer"]
