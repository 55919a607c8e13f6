"""Sockets that go on listening while one server of this process ends and the next one begins."""

import socket
from typing import Any

from connext_monitor.reporting.web.connections import open_socket


class KeptSockets:
    """Makes each socket once, and hands out copies: whoever connects between two servers waits for the second."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], socket.socket] = {}

    def open_socket(self, family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
        """See `connections.OpenSocket`."""
        key = (family, kind, protocol, address)
        if key not in self._kept:
            self._kept[key] = open_socket(family, kind, protocol, address)
        return self._kept[key].dup()

    def close(self) -> None:
        """Listen no more."""
        for kept in self._kept.values():
            kept.close()
        self._kept.clear()
